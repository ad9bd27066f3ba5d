//! The lesson in the bytes that a token opened into; the inverse of `scribe::lesson`.

const VERSION: u8 = 3;
/// The version before it, which ended before the price of writing a provider's cache.
const WITHOUT_CACHE_WRITE: u8 = 2;
/// The first one, which ended before the hold.
const WITHOUT_HOLD: u8 = 1;
const NO_PRICE: i64 = -1;
const LENGTH_BYTES: usize = 2;
const PARTS: usize = 6;

/// What an outcome needs to know of its decision. A price of -1 is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson<'a> {
    /// When it was decided, Unix nanoseconds.
    pub decided: i64,
    /// Until when it can be reported on.
    pub expires: i64,
    /// Propensity, quality predicted by the mean and by the linear model, input tokens.
    pub figures: [f64; 4],
    /// Input, output, cached input, reasoning, writing the provider's cache.
    pub prices: [i64; 5],
    /// Of the policy, the catalogue, the learner.
    pub revisions: [i64; 3],
    /// What was set aside for the call, nano-US-dollars; 0 where that is not known.
    pub hold: i64,
    /// The decision's name.
    pub decision_id: &'a str,
    /// The model that was drawn.
    pub model: &'a str,
    /// Its deployment.
    pub deployment: &'a str,
    /// How the features were made.
    pub schema: &'a str,
    /// The policy that decided.
    pub policy: &'a str,
    /// The features as they are.
    pub features: &'a [u8],
}

impl<'a> Lesson<'a> {
    /// Reads a lesson; `None` when the bytes are not one.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        let [decided, expires] = wholes(&mut rest)?;
        let figures = wholes::<4>(&mut rest)?.map(|bits| f64::from_bits(bits.cast_unsigned()));
        let ([input, output, cached, reasoning], revisions) = (wholes(&mut rest)?, wholes(&mut rest)?);
        let [hold, cache_write] = match version {
            VERSION => wholes(&mut rest)?,
            WITHOUT_CACHE_WRITE => [i64::from_le_bytes(take(&mut rest)?), NO_PRICE],
            WITHOUT_HOLD => [0, NO_PRICE],
            _ => return None,
        };
        let lengths: [u8; PARTS * LENGTH_BYTES] = take(&mut rest)?;
        let mut parts = [&[][..]; PARTS];
        for (part, length) in parts.iter_mut().zip(lengths.as_chunks().0) {
            (*part, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        }
        let text = |position: usize| std::str::from_utf8(parts[position]).ok();
        let (decision_id, model, deployment) = (text(0)?, text(1)?, text(2)?);
        let (schema, policy, features) = (text(3)?, text(4)?, parts[5]);
        rest.is_empty().then_some(Self {
            decided,
            expires,
            figures,
            prices: [input, output, cached, reasoning, cache_write],
            revisions,
            hold,
            decision_id,
            model,
            deployment,
            schema,
            policy,
            features,
        })
    }
}

fn take<const SIZE: usize>(rest: &mut &[u8]) -> Option<[u8; SIZE]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

fn wholes<const COUNT: usize>(rest: &mut &[u8]) -> Option<[i64; COUNT]> {
    let mut wholes = [0; COUNT];
    for whole in &mut wholes {
        *whole = i64::from_le_bytes(take(rest)?);
    }
    Some(wholes)
}
