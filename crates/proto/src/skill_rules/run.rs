//! What one run has reported: the same finding is worth one deviation, however often it shows.

use std::sync::Arc;

use super::rule::EvidenceOn;
use super::set::{RuleSet, report_name};

/// A rule that matched for the first time in a run: one deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The skill whose rule it is.
    pub skill_id: String,
    /// What it is evidence of, as the rule says.
    pub evidence_kind: String,
    /// PROTOCOL: `<skill_id>:<dedupe_fingerprint>:<run_id>`.
    pub dedupe_key: String,
    /// The position of the rule in its set.
    pub rule: usize,
}

/// The matches of one run against the rules that were current at its start.
#[derive(Debug)]
pub struct RunMatcher {
    rules: Arc<RuleSet>,
    run_id: String,
    /// By report number (rules with the same skill and fingerprint share one): whether it was made. Never
    /// grows.
    reported: Vec<bool>,
}

impl RunMatcher {
    /// Nothing reported yet.
    pub fn new(rules: Arc<RuleSet>, run_id: &str) -> Self {
        let reported = vec![false; rules.report_count()];
        Self { rules, run_id: run_id.to_owned(), reported }
    }

    /// The deviations that an event with this evidence makes, in server order.
    pub fn observe(&mut self, on: EvidenceOn, text: &str) -> Vec<Match> {
        let rules = Arc::clone(&self.rules);
        let positions = rules.matches_among(on, text, |rule| !self.reported[rules.report(rule)]);
        let mut found = Vec::new();
        for rule in positions {
            if std::mem::replace(&mut self.reported[rules.report(rule)], true) {
                continue;
            }
            let matched = rules.rule(rule);
            found.push(Match {
                skill_id: matched.skill_id.clone(),
                evidence_kind: matched.evidence_kind.clone(),
                dedupe_key: format!("{}:{}", report_name(matched), self.run_id),
                rule,
            });
        }
        found
    }

    /// The rules this run is matched against.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }
}
