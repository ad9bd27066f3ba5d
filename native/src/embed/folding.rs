//! What becomes of every character before words are cut: lower case, no accents, punctuation apart.
//!
//! The table file says it (`tools/text_table/folding.py` made it), so that no version of Unicode is compiled in. A
//! plain array answers for ASCII, pages of 256 characters for the rest.

use std::collections::HashMap;

/// In a replacement: the folded character.
pub(super) const ITSELF: char = '\0';

const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;
const ASCII: usize = 128;

/// One line of the file: characters `first` to `last` are replaced by `text`.
pub(super) struct Folding<'a> {
    pub first: u32,
    pub last: u32,
    pub text: &'a str,
}

/// What becomes of an ASCII character.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// A character of one byte in a word.
    Letter(u8),
    /// A word of its own.
    Apart,
    Space,
    Dropped,
}

/// The fates of all characters.
#[derive(Debug)]
pub(super) struct Foldings {
    ascii: [Fate; ASCII],
    /// Which page each 256 characters are on; page 0 is blank.
    page_of: Vec<u16>,
    /// Numbers of replacements; 0 stands for staying.
    pages: Vec<[u16; PAGE]>,
    replacements: Vec<Box<str>>,
}

impl Foldings {
    /// Builds the pages; None when there are more replacements than a page can number, or no such characters.
    pub(super) fn new<'a>(foldings: impl Iterator<Item = Folding<'a>>) -> Option<Self> {
        let mut built = Self {
            ascii: std::array::from_fn(|byte| Fate::Letter(u8::try_from(byte).unwrap_or_default())),
            page_of: vec![0; PAGES],
            pages: vec![[0; PAGE]],
            replacements: vec!["".into()],
        };
        // Long ranges (ideographs, private use) share one page that is filled with their replacement.
        let mut full_pages: HashMap<&str, u16> = HashMap::new();
        for Folding { first, last, text } in foldings {
            let (first, last) = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
            if first > last || last >= PAGE * PAGES {
                return None;
            }
            let number = u16::try_from(built.replacements.len()).ok()?;
            built.replacements.push(text.into());
            for byte in first..=last.min(ASCII - 1) {
                built.ascii[byte] = ascii_fate(text)?;
            }
            for page in first / PAGE..=last / PAGE {
                let from = first.max(page * PAGE);
                let to = last.min(page * PAGE + PAGE - 1);
                let place = if to - from + 1 < PAGE {
                    built.own_page(page)?
                } else if let Some(shared) = full_pages.get(text) {
                    built.page_of[page] = *shared;
                    continue;
                } else {
                    let place = built.own_page(page)?;
                    full_pages.insert(text, place);
                    place
                };
                built.pages[usize::from(place)][from % PAGE..=to % PAGE].fill(number);
            }
        }
        Some(built)
    }

    fn own_page(&mut self, page: usize) -> Option<u16> {
        if self.page_of[page] == 0 {
            self.page_of[page] = u16::try_from(self.pages.len()).ok()?;
            self.pages.push([0; PAGE]);
        }
        Some(self.page_of[page])
    }

    /// What becomes of an ASCII character.
    pub(super) fn ascii(&self, byte: u8) -> Fate {
        self.ascii[usize::from(byte) % ASCII]
    }

    /// What replaces a character: words and spaces, `ITSELF` for the character. None if it stays.
    pub(super) fn replacement(&self, character: char) -> Option<&str> {
        let code = character as usize;
        let page = &self.pages[usize::from(self.page_of[code / PAGE])];
        match page[code % PAGE] {
            0 => None,
            number => Some(&self.replacements[usize::from(number)]),
        }
    }
}

/// The fate of an ASCII character; None for one that the file replaces by more than a character.
fn ascii_fate(text: &str) -> Option<Fate> {
    match text.as_bytes() {
        [] => Some(Fate::Dropped),
        b" " => Some(Fate::Space),
        b" \0 " => Some(Fate::Apart),
        [letter] if letter.is_ascii_graphic() => Some(Fate::Letter(*letter)),
        _ => None,
    }
}
