//! How each tenant's outcomes differ from everybody's: bounded sums per tenant and arm, read as offsets.
//!
//! Entered by `statistics`, which teaches, by `roster`, which reads, and by `checkpoint`. It never keeps more tenants
//! than it is told to, and an offset never moves anybody else's prediction.

use std::collections::HashMap;
use std::sync::Arc;

use crate::reading::Reading;
use crate::turns::Turns;

/// Weighted sums of one tenant's differences on one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// Sum of w.
    pub count: f64,
    /// Sum of w (q - mean).
    pub mean: f64,
    /// Sum of w (q - linear).
    pub linear: f64,
}

impl Difference {
    fn add(&mut self, weight: f64, quality: f64, (mean, linear): (f64, f64)) {
        self.count += weight;
        self.mean += weight * (quality - mean);
        self.linear += weight * (quality - linear);
    }

    fn rescale(&mut self, factor: f64) {
        self.count *= factor;
        self.mean *= factor;
        self.linear *= factor;
    }
}

/// What is known of one tenant.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// How many outcomes the pool had learned when this tenant was last taught from.
    pub touched: i64,
    /// Sums by slot of the arm, ascending.
    pub differences: Vec<(usize, Difference)>,
}

impl Tenant {
    /// What is added to the prediction of the arm in this slot.
    ///
    /// Nothing until the others have said more of the arm than the pseudo-observations: a lone tenant is everybody.
    #[must_use]
    pub fn offset(&self, slot: usize, reading: &Reading) -> f64 {
        let Ok(place) = self.differences.binary_search_by_key(&slot, |(slot, _)| *slot) else { return 0.0 };
        let difference = self.differences[place].1;
        let Reading { scale, parameters, .. } = *reading;
        let everybody = reading.statistics.arms()[slot].quality.moments[0];
        // Differences first: they are exactly nought where nobody else taught, whatever the scale.
        let others = scale * (everybody - difference.count) + 1.0;
        let pseudo_count = parameters.tenant_pseudo_count;
        if others <= pseudo_count {
            return 0.0;
        }
        let sum = if reading.context_on { difference.linear } else { difference.mean };
        let offset = (1.0 - pseudo_count / others) * (scale * sum / (scale * difference.count + pseudo_count));
        offset.clamp(-parameters.tenant_offset_limit, parameters.tenant_offset_limit)
    }

    fn difference(&mut self, slot: usize) -> &mut Difference {
        let place = self.differences.binary_search_by_key(&slot, |(slot, _)| *slot).unwrap_or_else(|place| {
            self.differences.insert(place, (slot, Difference::default()));
            place
        });
        &mut self.differences[place].1
    }
}

/// The tenants that were taught from last.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    places: HashMap<Arc<str>, usize>,
    known: Vec<(Arc<str>, Tenant)>,
    turns: Turns,
}

impl Tenants {
    /// Those of some tenants that were taught from last, of equals the last by name, and at most so many.
    #[must_use]
    pub fn latest(mut tenants: Vec<(String, Tenant)>, limit: usize) -> Self {
        tenants.sort_unstable_by(|(name, tenant), (other, then)| {
            tenant.touched.cmp(&then.touched).then_with(|| name.cmp(other))
        });
        let mut kept = Self::default();
        for (name, tenant) in tenants.split_off(tenants.len().saturating_sub(limit)) {
            kept.add(name.into(), tenant);
        }
        kept
    }

    /// What is known of a tenant.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tenant> {
        self.places.get(name).map(|place| &self.known[*place].1)
    }

    /// All tenants by name, ascending.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&str, &Tenant)> {
        let mut tenants: Vec<_> = self.known.iter().map(|(name, tenant)| (name.as_ref(), tenant)).collect();
        tenants.sort_unstable_by_key(|(name, _)| *name);
        tenants
    }

    /// Adds what an outcome was worth to a tenant beside what was predicted for everybody. A new tenant takes the place
    /// of the one that was taught from longest ago when there is no other.
    pub(crate) fn learn(&mut self, lesson: &Lesson, limit: usize) {
        if limit == 0 {
            return;
        }
        let place = match self.places.get(lesson.tenant) {
            Some(place) => *place,
            None if self.known.len() < limit => self.add(lesson.tenant.into(), Tenant::default()),
            None => self.replace_oldest(lesson.tenant.into()),
        };
        self.turns.renew(place);
        let tenant = &mut self.known[place].1;
        tenant.touched = lesson.learned;
        tenant.difference(lesson.slot).add(lesson.weight, lesson.quality, lesson.predictions);
    }

    fn add(&mut self, name: Arc<str>, tenant: Tenant) -> usize {
        let place = self.turns.add();
        self.places.insert(Arc::clone(&name), place);
        self.known.push((name, tenant));
        place
    }

    fn replace_oldest(&mut self, name: Arc<str>) -> usize {
        let place = self.turns.first();
        self.places.remove(&self.known[place].0);
        self.places.insert(Arc::clone(&name), place);
        self.known[place] = (name, Tenant::default());
        place
    }

    /// Keeps a share of what is known of every tenant on the arm in this slot.
    pub(crate) fn discount(&mut self, slot: usize, keep: f64) {
        for (_, tenant) in &mut self.known {
            if let Ok(place) = tenant.differences.binary_search_by_key(&slot, |(slot, _)| *slot) {
                tenant.differences[place].1.rescale(keep);
            }
        }
    }

    pub(crate) fn rescale(&mut self, factor: f64) {
        let differences = self.known.iter_mut().flat_map(|(_, tenant)| &mut tenant.differences);
        differences.for_each(|(_, difference)| difference.rescale(factor));
    }
}

/// One graded answer to a tenant.
pub(crate) struct Lesson<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) slot: usize,
    pub(crate) learned: i64,
    pub(crate) weight: f64,
    pub(crate) quality: f64,
    pub(crate) predictions: (f64, f64),
}
