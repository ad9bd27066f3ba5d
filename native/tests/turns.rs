//! The order of turns, against a plain list.

use atp_native::turns::Turns;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_first_is_the_one_renewed_longest_ago(steps in prop::collection::vec(prop::option::of(0..64_usize), 1..200)) {
        let mut turns = Turns::default();
        let mut order = vec![turns.add()];
        for step in steps {
            if let Some(step) = step {
                let place = order.remove(step % order.len());
                turns.renew(place);
                order.push(place);
            } else {
                order.push(turns.add());
                prop_assert_eq!(order.last(), Some(&(order.len() - 1)));
            }
            prop_assert_eq!(turns.first(), order[0]);
        }
        // Renewing the first again and again goes through the whole order and begins anew.
        for place in order.iter().chain(&order) {
            prop_assert_eq!(turns.first(), *place);
            turns.renew(*place);
        }
    }
}
