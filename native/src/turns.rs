//! In which order places were last renewed: whoever must go is found without looking at the others.
//!
//! Entered by `tenants`, whose table has one place for each tenant. It knows places by number only, never takes one
//! away, and never asks why a place is renewed.

/// A ring of places in which each knows its neighbours; between the last and the first stands one more link.
#[derive(Clone, Debug)]
pub struct Turns {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: usize,
    after: usize,
}

/// The link that stands for no place.
const SEAM: usize = 0;

impl Default for Turns {
    /// No places.
    fn default() -> Self {
        Self { links: vec![Link { before: SEAM, after: SEAM }] }
    }
}

impl Turns {
    /// A new place, numbered from 0 on, as if just renewed.
    pub fn add(&mut self) -> usize {
        let link = self.links.len();
        self.links.push(Link { before: link, after: link });
        self.put_last(link);
        link - 1
    }

    /// The place that was renewed longest ago.
    ///
    /// # Panics
    /// There is no place.
    #[must_use]
    pub fn first(&self) -> usize {
        self.links[SEAM].after - 1
    }

    /// Makes a place the last.
    ///
    /// # Panics
    /// There is no such place.
    pub fn renew(&mut self, place: usize) {
        let link = place + 1;
        let Link { before, after } = self.links[link];
        self.links[before].after = after;
        self.links[after].before = before;
        self.put_last(link);
    }

    fn put_last(&mut self, link: usize) {
        let last = self.links[SEAM].before;
        self.links[link] = Link { before: last, after: SEAM };
        self.links[last].after = link;
        self.links[SEAM].before = link;
    }
}
