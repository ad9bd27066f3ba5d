//! Tokens of a text: the ranks are `OpenAI`'s files, and counts keep the laws of byte-pair encoding.
//!
//! That the counts are those of tiktoken is held against recorded ones, in `tests/conformance/tokens`.

use std::fmt::Write;

use atp_native::tokens::Encoding;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// What tiktoken's `openai_public` expects of the files that it fetches.
const O200K_BASE: &str = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d";
const CL100K_BASE: &str = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7";

/// Where two texts meet pieces are cut anew, and the merges of lowest rank are not always the fewest tokens.
const SEAM: usize = 4;

fn encoding(name: &str) -> &'static Encoding {
    Encoding::named(name).expect("an encoding that is here")
}

/// The digest of the file as it is published: a line for each token, its bytes in base64 and its rank.
fn digest(name: &str) -> String {
    let mut file = String::new();
    for (rank, token) in encoding(name).tokens().enumerate() {
        writeln!(file, "{} {rank}", base64(token)).expect("a string takes all");
    }
    Sha256::digest(file).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            text.push(if digit > three.len() { '=' } else { char::from(DIGITS[word >> (18 - 6 * digit) & 63]) });
        }
    }
    text
}

#[test]
fn the_ranks_are_the_published_files_to_the_byte() {
    assert_eq!(digest("o200k_base"), O200K_BASE);
    assert_eq!(digest("cl100k_base"), CL100K_BASE);
}

#[test]
fn an_encoding_that_is_not_here_is_none() {
    assert!(Encoding::named("o200k").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_texts_together_have_no_more_tokens_than_apart_but_for_a_few_at_the_seam(
        left in any::<String>(), right in any::<String>()
    ) {
        for name in ["o200k_base", "cl100k_base"] {
            let count = |text: &str| encoding(name).count(text);
            prop_assert!(count(&(left.clone() + &right)) <= count(&left) + count(&right) + SEAM);
        }
    }

    #[test]
    fn a_text_has_a_token_for_each_of_its_bytes_at_most(text in any::<String>()) {
        for name in ["o200k_base", "cl100k_base"] {
            let count = encoding(name).count(&text);
            prop_assert!(count <= text.len() && (count > 0 || text.is_empty()));
        }
    }
}
