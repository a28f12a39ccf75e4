//! The text an agent is prompted with.

use crate::message::Task;

/// What an agent is told that was stopped at a budget, and may go on.
pub const GO_ON: &str = "Go on with the task where you stopped.";

/// Title, then the description, then the skills to honour. PROTOCOL: contract C3, the same in every driver.
pub fn render(task: &Task) -> String {
    let mut text = task.title.clone();
    if let Some(description) = task.description.as_deref().filter(|d| !d.is_empty()) {
        text.push_str("\n\n");
        text.push_str(description);
    }
    if !task.skill_ids.is_empty() {
        text.push_str("\n\nSkills to honor:\n");
        for id in &task.skill_ids {
            text.push_str("  - ");
            text.push_str(id);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(description: Option<&str>, skills: &[&str]) -> Task {
        Task {
            title: "Tighten retry budget".into(),
            description: description.map(Into::into),
            skill_ids: skills.iter().map(ToString::to_string).collect(),
            ..Task::default()
        }
    }

    #[test]
    fn a_prompt_is_title_description_skills() {
        for (task, prompt) in [
            (task(None, &[]), "Tighten retry budget"),
            (task(Some(""), &[]), "Tighten retry budget"),
            (task(Some("See ticket."), &[]), "Tighten retry budget\n\nSee ticket."),
            (task(None, &["a"]), "Tighten retry budget\n\nSkills to honor:\n  - a\n"),
            (
                task(Some("See."), &["a", "b"]),
                "Tighten retry budget\n\nSee.\n\nSkills to honor:\n  - a\n  - b\n",
            ),
        ] {
            assert_eq!(render(&task), prompt);
        }
    }
}
