//! What can be bought, as it is written down: names and prices, put into bytes once per catalogue.
//!
//! Offers are in the engine's order, so that a candidate is an index here as well. It never changes once made.

use super::record::push_text;
use crate::wire::writing::Message;

/// A deployment that can be bought, with its names as they stand in records and in replies.
#[derive(Clone, Debug)]
pub struct Offering {
    /// The model.
    pub model: String,
    /// The deployment.
    pub deployment: String,
    /// Prices in nano-US-dollars per million tokens: input, output, cached input, reasoning, writing the provider's cache;
    /// -1 when there is none.
    pub prices: [i64; 5],
    /// The three texts of a record.
    pub(crate) texts: Vec<u8>,
    /// The bytes of a `Target`.
    pub(crate) target: Vec<u8>,
}

impl Offering {
    /// Puts an offering into words. None when a name is too long for a record.
    #[must_use]
    pub fn new(model: String, deployment: String, provider: &str, prices: [i64; 5]) -> Option<Self> {
        let mut texts = Vec::new();
        let mut target = Message::default();
        for (number, name) in (1..).zip([model.as_str(), deployment.as_str(), provider]) {
            push_text(&mut texts, name)?;
            target.text(number, name);
        }
        Some(Self { model, deployment, prices, texts, target: target.into_bytes() })
    }
}
