//! A decision with everything that is written down of it; borrowed from wherever it stands.
//!
//! It never outlives the call that writes it.

use super::offering::Offering;
use crate::choice::{Choice, Figure};

/// The routing policy that decides, for the life of a scribe.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Name.
    pub name: String,
    /// Version.
    pub version: i64,
    /// Feature schema.
    pub schema: String,
    /// What cost (nano-US-dollars) and latency (seconds) are measured by in a utility.
    pub scales: [f64; 2],
}

/// A decision in which somebody was chosen.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// The engine's choice.
    pub choice: &'a Choice,
    /// Position of the chosen one among the candidates.
    pub chosen: usize,
    /// Everything that can be bought, by offer.
    pub offerings: &'a [Offering],
    /// The routing policy.
    pub policy: &'a Policy,
    /// Revision of the catalogue.
    pub catalog: i64,
    /// Revision of the learner.
    pub learner: i64,
    /// Name of the engine.
    pub engine: &'a str,
    /// Who asked.
    pub tenant: &'a str,
    /// The decision's name.
    pub decision_id: &'a str,
    /// When it was made, Unix nanoseconds.
    pub decided: i64,
    /// Until when its token is taken, Unix nanoseconds.
    pub expires: i64,
    /// Source of its chance.
    pub seed: u64,
    /// Tokens that will be sent.
    pub input_tokens: f64,
    /// Weights of cost and of latency, as the choice was made with them.
    pub weights: [f64; 2],
    /// Prices of the policy's cost ceiling and quality floor that are in the weights; neither is below zero.
    pub dual_prices: [f64; 2],
    /// Position of the candidate that the conversation was to stay with, if any.
    pub favoured: Option<usize>,
    /// By how much its utility was raised.
    pub favour: f64,
    /// The models that were no candidates, as they stand in a record.
    pub refusals: &'a [u8],
    /// Whether the limit on cost was what is left of a budget.
    pub is_short_of_money: bool,
    /// The caller's word for the kind of task.
    pub task_type: &'a str,
    /// The caller's name of the conversation.
    pub session_id: &'a str,
    /// The caller's own labels.
    pub labels: &'a [(&'a str, &'a str)],
}

impl Decision<'_> {
    /// The offering of a candidate.
    #[must_use]
    pub fn offering(&self, position: usize) -> &Offering {
        &self.offerings[self.choice.offer(position)]
    }

    /// The probability with which the chosen one was drawn.
    #[must_use]
    pub fn propensity(&self) -> f64 {
        self.choice.figure(Figure::Propensity)[self.chosen]
    }

    /// What is set aside for the call, nano-US-dollars: its expected cost.
    #[must_use]
    pub fn hold(&self) -> i64 {
        whole_cost(self.choice.figure(Figure::Cost)[self.chosen])
    }
}

/// Expected cost as whole nano-US-dollars, the even one of two that are equally near; what no field holds is the most
/// that one does.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "saturates, as it should")]
pub fn whole_cost(nano_usd: f64) -> i64 {
    nano_usd.round_ties_even() as i64
}

/// Remarks on how a decision came about, by their numbers in `atp.v1.ReasonCode`.
#[must_use]
pub fn reason_codes(decision: &Decision<'_>) -> Vec<u8> {
    const ONLY_CANDIDATE: u8 = 1;
    const EXPLORED: u8 = 2;
    const CONTEXT_USED: u8 = 3;
    const QUALITY_FLOOR_UNMET: u8 = 4;
    const LATENCY_SLO_UNMET: u8 = 5;
    const COST_CEILING_PRESSED: u8 = 6;
    const QUALITY_FLOOR_PRESSED: u8 = 7;
    const STAYED: u8 = 8;

    let (choice, chosen, [cost_price, quality_price]) = (decision.choice, decision.chosen, decision.dual_prices);
    let utilities = choice.figure(Figure::Utility);
    let contenders = utilities.iter().zip(choice.figure(Figure::Propensity)).filter(|(_, share)| **share > 0.0);
    let (count, best) = contenders.fold((0, f64::NEG_INFINITY), |(count, best), (utility, _)| {
        (count + 1, if *utility > best { *utility } else { best })
    });
    let remarks = [
        (count == 1, ONLY_CANDIDATE),
        (count > 1 && utilities[chosen] < best, EXPLORED),
        (choice.context_on, CONTEXT_USED),
        (choice.floor_unmet, QUALITY_FLOOR_UNMET),
        (choice.slo_unmet, LATENCY_SLO_UNMET),
        (cost_price > 0.0, COST_CEILING_PRESSED),
        (quality_price > 0.0, QUALITY_FLOOR_PRESSED),
        (decision.favoured == Some(chosen), STAYED),
    ];
    remarks.into_iter().filter_map(|(holds, code)| holds.then_some(code)).collect()
}
