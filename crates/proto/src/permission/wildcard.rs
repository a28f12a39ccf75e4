//! The wildcards of OpenCode's permission rules: `*` any text, `?` any character.
//!
//! PROTOCOL: OpenCode 1.18: a pattern that ends in ` *` also fits without it (`ls *` fits `ls`); `\` counts as `/`;
//! on Windows case does not count.

/// Where two patterns meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meet<'a> {
    /// No text fits both.
    Nowhere,
    /// Just what fits this pattern fits both.
    In(&'a str),
    /// Some text may, and no pattern says which.
    Somewhere,
}

/// Does the text fit the pattern?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // A text is a pattern whose wildcards fit only themselves.
    let text: Vec<Sign> = normal(text).map(Sign::Just).collect();
    forms(pattern).iter().any(|form| covers_form(form, &text))
}

/// May some text fit both?
pub(super) fn overlap(one: &str, two: &str) -> bool {
    let twos = forms(two);
    forms(one).iter().any(|one| twos.iter().any(|two| overlap_forms(one, two)))
}

/// Where they meet. Says `Somewhere` when it cannot tell.
pub(super) fn meet<'a>(one: &'a str, two: &'a str) -> Meet<'a> {
    if covers(two, one) {
        Meet::In(one)
    } else if covers(one, two) {
        Meet::In(two)
    } else if overlap(one, two) {
        Meet::Somewhere
    } else {
        Meet::Nowhere
    }
}

/// Does all that fits `narrow` fit `wide`? A `false` may be wrong, a `true` never is.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let wides = forms(wide);
    forms(narrow).iter().all(|narrow| wides.iter().any(|wide| covers_form(wide, narrow)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Just(char),
    One,
    Any,
}

/// What a pattern fits: any of these.
fn forms(pattern: &str) -> Vec<Vec<Sign>> {
    let sign = |c| match c {
        '*' => Sign::Any,
        '?' => Sign::One,
        c => Sign::Just(c),
    };
    let whole: Vec<Sign> = normal(pattern).map(sign).collect();
    match whole.strip_suffix(&[Sign::Just(' '), Sign::Any]) {
        Some(without) => vec![without.to_vec(), whole],
        None => vec![whole],
    }
}

fn normal(text: &str) -> impl Iterator<Item = char> {
    let fold = |c: char| if cfg!(windows) { c.to_lowercase().next().unwrap_or(c) } else { c };
    text.chars().map(move |c| if c == '\\' { '/' } else { fold(c) })
}

/// Does `wide` fit whatever `narrow` does? `narrow`'s `*` is only ever taken by one of `wide`'s.
fn covers_form(wide: &[Sign], narrow: &[Sign]) -> bool {
    // What is left of `wide` fits what is left of `narrow`, for each place in `narrow`; from the end of `wide`.
    let mut fits: Vec<bool> = vec![false; narrow.len() + 1];
    fits[narrow.len()] = true;
    for sign in wide.iter().rev() {
        let mut next = vec![false; narrow.len() + 1];
        for at in (0..=narrow.len()).rev() {
            next[at] = match (sign, narrow.get(at)) {
                (Sign::Any, None) => fits[at],
                (Sign::Any, Some(_)) => fits[at] || next[at + 1],
                (_, None | Some(Sign::Any)) => false,
                (Sign::One, Some(_)) => fits[at + 1],
                (Sign::Just(one), Some(two)) => *two == Sign::Just(*one) && fits[at + 1],
            };
        }
        fits = next;
    }
    fits[0]
}

/// Is there a text that fits both?
fn overlap_forms(one: &[Sign], two: &[Sign]) -> bool {
    let mut meets: Vec<bool> = vec![false; two.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut next = vec![false; two.len() + 1];
        for j in (0..=two.len()).rev() {
            let (a, b) = (one.get(i), two.get(j));
            next[j] = match (a, b) {
                (None, None) => true,
                (Some(Sign::Any), _) => meets[j] || (j < two.len() && next[j + 1]),
                (_, Some(Sign::Any)) => next[j + 1] || (i < one.len() && meets[j]),
                (None, Some(_)) | (Some(_), None) => false,
                (Some(Sign::One), Some(_)) | (Some(_), Some(Sign::One)) => meets[j + 1],
                (Some(a), Some(b)) => a == b && meets[j + 1],
            };
        }
        meets = next;
    }
    meets[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_as_it_does_in_opencode() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "anything at all", true),
            ("ls *", "ls", true),
            ("ls *", "ls -l", true),
            ("ls *", "lsof", false),
            ("ls*", "lsof", true),
            ("git push ?", "git push x", true),
            ("git push ?", "git push", false),
            ("*.env", "a/.env", true),
            ("a.b", "axb", false),
            (r"src\*", "src/x", true),
            ("src/*", r"src\x", true),
            ("a*", "*", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_meet_where_they_do() {
        for (one, two, met) in [
            ("*", "git *", Meet::In("git *")),
            ("git *", "*", Meet::In("git *")),
            ("git *", "git push *", Meet::In("git push *")),
            ("git *", "git", Meet::In("git")),
            ("git *", "npm *", Meet::Nowhere),
            ("git *", "* --force", Meet::Somewhere),
            ("a?", "?b", Meet::Somewhere),
            ("a?", "?bc", Meet::Nowhere),
            ("ls*", "ls *", Meet::In("ls *")),
            ("*", "*", Meet::In("*")),
        ] {
            assert_eq!(meet(one, two), met, "{one} {two}");
        }
    }
}
