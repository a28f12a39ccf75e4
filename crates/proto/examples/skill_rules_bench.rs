//! What skill rules cost: `cargo run --release -p orgx-proto --example skill_rules_bench`.
//!
//! Texts are new at each match, as an agent's are: an automaton that has seen a text before is many times
//! faster.
#![allow(clippy::print_stdout, reason = "printing is what it does")]

use std::time::{Duration, Instant};

use orgx_proto::skill_rules::{EvidenceOn, RuleSet, SkillRule};

const WORDS: [&str; 24] = [
    "max", "retry", "attempts", "config", "token", "secret", "deploy", "prod", "schema", "migrate", "budget",
    "timeout", "delete", "table", "user", "auth", "cache", "queue", "render", "theme", "price", "plan",
    "email", "kafka",
];

fn main() {
    println!("| rules | compile | text of 110 B | 1 KiB | 16 KiB | worst |");
    for (name, pattern) in
        [("mixed", mixed as fn(&mut Random, usize) -> String), ("no literals", no_literals)]
    {
        for count in [50, 500, 5_000] {
            let random = &mut Random(7);
            let rules = (0..count).map(|n| rule(pattern(random, n))).collect();
            let start = Instant::now();
            let set = RuleSet::compile(rules);
            print!("| {count} {name} | {:.1?} ", start.elapsed());
            assert_eq!(set.len(), count);
            let mut worst = Duration::ZERO;
            for (bytes, repeats) in [(110, 200), (1_024, 100), (16_384, 30)] {
                let texts: Vec<_> = (0..repeats).map(|_| text(random, bytes)).collect();
                let start = Instant::now();
                for text in &texts {
                    let start = Instant::now();
                    set.matches(EvidenceOn::FileEdit, text);
                    worst = worst.max(start.elapsed());
                }
                print!("| {:.1?} ", start.elapsed() / repeats);
            }
            println!("| {worst:.1?} |");
        }
    }
    for (pattern, text) in [
        ("^(?=(a+)+$)b?", "a".repeat(60) + "!"),
        ("(?=.*x)y", "y".repeat(16_384)),
        (r"(\w*)*\1$(?!$)", "y".repeat(16_384)),
        (r"\w+(?=\()", "word and another_word = ".repeat(680)),
    ] {
        let set = RuleSet::compile(vec![rule(pattern.to_owned())]);
        let start = Instant::now();
        set.matches(EvidenceOn::FileEdit, &text);
        println!(
            "{pattern} on {} bytes: {:.1?}, suspended: {}",
            text.len(),
            start.elapsed(),
            set.suspended().len()
        );
    }
}

/// What people write: literals, classes, boundaries, some look-around.
fn mixed(random: &mut Random, n: usize) -> String {
    let (a, b) = (random.pick(), random.pick());
    match n % 8 {
        0 => format!("{a}_?{b}{n}"),
        1 => format!(r"\b{a}{n}\b"),
        2 => format!("{a}.*{b}{n}"),
        3 => format!(r"[a-z]+_{b}{n}\.(?:ts|js|rs)$"),
        4 => format!(r"(?:{a}|{b})\d{{1,3}}x{n}"),
        5 => format!(r"\s+{a}\({n}"),
        6 => format!("(?<!un){a}{n}(?!s)"),
        _ => format!("^(?!.*test).*{a}.{b}"),
    }
}

/// The worst kind: nothing tells beforehand that they do not match.
fn no_literals(random: &mut Random, n: usize) -> String {
    let low = random.below(5);
    format!(r"\d{{{low}}}\s*[=:]\s*[A-Z]\w+[-:]\d{{{n}}}\b", n = n % 50)
}

fn text(random: &mut Random, bytes: usize) -> String {
    let mut text = String::from("src/");
    while text.len() < bytes {
        text.push_str(random.pick());
        match random.below(9) {
            0 => text.push_str("();\n"),
            1 => text.push('_'),
            2 => text.push_str(&random.below(1_000).to_string()),
            3 => text.push_str(" = "),
            4 => text.push('.'),
            5 => text.push_str(" // é 😀 "),
            _ => text.push(' '),
        }
    }
    text
}

fn rule(pattern: String) -> SkillRule {
    SkillRule {
        skill_id: "bench".into(),
        dedupe_fingerprint: pattern.clone(),
        pattern,
        on: EvidenceOn::FileEdit,
        evidence_kind: "kind".into(),
    }
}

/// xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % limit
    }

    fn pick(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }
}
