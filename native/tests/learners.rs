//! What holds for every learner's share of the draws, whoever contends.

mod world;

use atp_native::parameters::Parameters;
use atp_native::policy::{Contender, Learner, leader};
use proptest::prelude::*;

use world::{LEARNERS, plain_parameters};

fn contenders() -> impl Strategy<Value = Vec<Contender>> {
    let contender = (-0.2..1.2, 0.0..1.5, 1.0..500.0, 0.5..1.0, 0.0..0.5, 0.0..1e6);
    let contender = contender.prop_map(|(quality, width, evidence, success, penalty, cost)| Contender {
        quality,
        width,
        evidence,
        success,
        penalty,
        cost,
    });
    prop::collection::vec(contender, 2..12)
}

fn shares(learner: Learner, contenders: &[Contender], seed: u64, parameters: &Parameters) -> Vec<f64> {
    let mut shares = vec![f64::NAN; contenders.len()];
    learner.share(contenders, parameters, seed, &mut shares);
    shares
}

fn utility(contender: &Contender) -> f64 {
    contender.utility(contender.quality)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shares_are_a_distribution_and_the_same_again(contenders in contenders(), seed in any::<u64>()) {
        for learner in LEARNERS {
            let found = shares(learner, &contenders, seed, &plain_parameters());
            prop_assert!(found.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}: {:?}", learner, found);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{:?}: {:?}", learner, found);
            prop_assert_eq!(shares(learner, &contenders, seed, &plain_parameters()), found);
        }
    }

    #[test]
    fn without_a_bonus_optimism_is_greed(contenders in contenders(), seed in any::<u64>()) {
        let parameters = Parameters { alpha: 0.0, scale: 0.0, ..plain_parameters() };
        let greedy = shares(Learner::Greedy, &contenders, seed, &parameters);
        prop_assert_eq!(greedy[leader(&contenders)], 1.0);
        for learner in [Learner::Linucb, Learner::Ucb1, Learner::Thompson] {
            prop_assert_eq!(&shares(learner, &contenders, seed, &parameters), &greedy, "{:?}", learner);
        }
    }

    #[test]
    fn inverse_gaps_give_the_better_no_smaller_share_and_the_best_at_least_an_equal_one(
        contenders in contenders(), gamma in 0.0..1e6,
    ) {
        let found = shares(Learner::Squarecb, &contenders, 0, &Parameters { gamma, ..plain_parameters() });
        for (one, share) in contenders.iter().zip(&found) {
            for (other, other_share) in contenders.iter().zip(&found) {
                prop_assert!(utility(one) < utility(other) || share >= other_share, "{:?}", found);
            }
        }
        prop_assert!(found[leader(&contenders)] >= 1.0 / contenders.len() as f64 - 1e-12);
    }

    #[test]
    fn beta_draws_end_with_the_best_mean_when_evidence_leaves_no_doubt(
        levels in prop::collection::btree_set(0..20_u32, 2..8), seed in any::<u64>(),
    ) {
        let sure = |level: &u32| Contender {
            quality: f64::from(*level) / 20.0, width: 0.0, evidence: 1e6, success: 1.0, penalty: 0.0, cost: 1.0,
        };
        let contenders: Vec<Contender> = levels.iter().map(sure).collect();
        let found = shares(Learner::ThompsonBeta, &contenders, seed, &plain_parameters());
        prop_assert_eq!(found.last(), Some(&1.0));
    }
}
