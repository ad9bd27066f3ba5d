//! The shipped text table in Rust alone: any text has an embedding, and a broken table is refused. That the numbers are
//! right is held against the reference, in `tests/conformance/embedding`.

use std::sync::LazyLock;

use atp_native::embed::{EMBEDDING, TextTable};
use atp_native::error::Kind;
use proptest::prelude::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../atp_grpc/engine/text_table.bin");
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| std::fs::read(PATH).expect("the table is shipped"));
static TABLE: LazyLock<TextTable> = LazyLock::new(|| TextTable::decode(&BYTES).expect("a sound table"));

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_has_an_embedding_of_moderate_numbers(text in any::<String>()) {
        let embedding = TABLE.embed(&text);
        prop_assert!(embedding.iter().all(|number| number.abs() < 10.0));
        prop_assert_eq!(embedding, TABLE.embed(&text));
    }

    #[test]
    fn words_in_any_case_between_any_controls_are_the_same_text(words in prop::collection::vec("[a-z]{1,12}", 0..20)) {
        let loud = words.join(" \u{200b}\t").to_uppercase();
        prop_assert_eq!(TABLE.embed(&words.join(" ")), TABLE.embed(&loud));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_that_is_cut_or_changed_is_refused_or_read_but_never_breaks_the_reader(
        cut in 0..1_400_000_usize, place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        prop_assert_eq!(TextTable::decode(&BYTES[..cut]).map_err(|fault| fault.kind).err(), Some(Kind::Engine));
        let mut changed = BYTES.clone();
        // Most of what reading rests on stands in the first bytes and in the text behind the rows.
        let place = if place.index(2) == 0 { place.index(32) } else { place.index(changed.len()) };
        changed[place] = byte;
        if let Ok(table) = TextTable::decode(&changed) {
            let _ = table.embed("How many naïve 漢字 words, please?");
        }
    }
}

#[test]
fn nothing_said_is_zero() {
    for text in ["", " \n", "\u{0}\u{200b}", "\u{1f600}", &"x".repeat(101)] {
        assert_eq!(TABLE.embed(text), [0.0; EMBEDDING], "{text:?}");
    }
}
