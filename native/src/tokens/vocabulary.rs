//! The tokens of an encoding and their ranks, found by their bytes.
//!
//! The bytes stay where the data crate has them; what is built here are two arrays, about 3 MiB for 200,000 tokens.

/// How the data crates begin.
const MAGIC: &[u8; 8] = b"SPLNTRV1";
/// A slot of the table that holds nothing.
const FREE: u32 = u32::MAX;
/// What scatters keys: 2^64 over the golden ratio (Knuth, volume 3, section 6.4).
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Where a token's bytes lie.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u32,
}

/// All tokens by their bytes.
pub(super) struct Vocabulary {
    packed: &'static [u8],
    /// By rank.
    places: Vec<Place>,
    /// Ranks by hash, the next free slot where two meet.
    slots: Vec<u32>,
    longest: usize,
}

impl Vocabulary {
    /// Reads what a data crate holds: a count, and for each token its rank, its length and its bytes.
    ///
    /// # Panics
    /// The bytes are not such a vocabulary, or its ranks have gaps. Both would be a defect of the build.
    pub(super) fn new(packed: &'static [u8]) -> Self {
        let (head, _) = packed.split_at(12);
        assert_eq!(&head[..8], MAGIC, "a packed vocabulary");
        let count = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let mut places = Vec::with_capacity(count);
        let mut at = head.len();
        for rank in 0..count {
            assert_eq!(number(packed, &mut at), rank, "ranks without gaps");
            let length = number(packed, &mut at);
            let place = (u32::try_from(at), u32::try_from(length));
            let (Ok(start), Ok(length)) = place else { panic!("a vocabulary of less than 4 GiB") };
            places.push(Place { start, length });
            at += length as usize;
        }
        assert_eq!(at, packed.len(), "nothing after the last token");
        let longest = places.iter().map(|place| place.length as usize).max().unwrap_or(0);
        // At most half full, so that a search is short.
        let slots = vec![FREE; (2 * count).next_power_of_two()];
        let mut built = Self { packed, places, slots, longest };
        for (rank, place) in (0..).zip(built.places.clone()) {
            let slot = built.search(built.bytes(place)).err().unwrap_or_else(|| panic!("tokens are distinct"));
            built.slots[slot] = rank;
        }
        built
    }

    /// The rank of a token; None when these bytes are none.
    #[inline]
    pub(super) fn rank(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() > self.longest { None } else { self.search(bytes).ok() }
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| self.bytes(*place))
    }

    /// The rank that stands for these bytes, or the slot where it would stand.
    #[inline]
    fn search(&self, bytes: &[u8]) -> Result<u32, usize> {
        let last = self.slots.len() - 1;
        let mut slot = hash(bytes) & last;
        loop {
            let rank = self.slots[slot];
            if rank == FREE {
                return Err(slot);
            }
            if self.bytes(self.places[rank as usize]) == bytes {
                return Ok(rank);
            }
            slot = (slot + 1) & last;
        }
    }

    #[inline]
    fn bytes(&self, place: Place) -> &[u8] {
        &self.packed[place.start as usize..][..place.length as usize]
    }
}

/// Eight bytes at a time; the tokens are fixed and published, so nobody can choose ones that collide.
#[inline]
fn hash(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mixed(hash, u64::from_le_bytes(*word));
    }
    let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let hash = mixed(hash, last);
    usize::try_from(hash >> 32).unwrap_or_default()
}

#[inline]
fn mixed(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(SCATTER)
}

/// A number in groups of seven bits, the lowest first; the high bit says that another follows.
fn number(packed: &[u8], at: &mut usize) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = packed[*at];
        *at += 1;
        value |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}
