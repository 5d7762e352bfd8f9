//! The way out, step by step, with commands that can be copied.

use nodepol_model::{Action, Disruption, Fix, Place, Step, UnitVerb};

use super::page::{Page, style};
use super::shell;

/// The fix of one finding.
pub(super) fn write(page: &mut Page, fix: &Fix) {
    write_summary(page, &fix.summary);
    for (number, step) in fix.steps.iter().enumerate() {
        write_step(page, number + 1, step);
    }
}

/// A fix of which all steps were told before, in this order.
pub(super) fn write_again(page: &mut Page, fix: &Fix, place: &str) {
    write_summary(page, &format!("{}, {place}", fix.summary));
}

fn write_summary(page: &mut Page, summary: &str) {
    page.line(
        2,
        &[
            (style::GOOD, "fix"),
            (style::PLAIN, ": "),
            (style::PLAIN, summary),
        ],
    );
}

fn write_step(page: &mut Page, number: usize, step: &Step) {
    let mut marks = match step.place {
        Place::Node => String::new(),
        Place::ControlPlane => " [on a control-plane node]".to_owned(),
        Place::Admin => " [where kubectl works]".to_owned(),
        Place::Image => " [in the image build]".to_owned(),
    };
    marks.push_str(match step.disruption {
        Disruption::None => "",
        Disruption::Restart => " [restarts a service]",
        Disruption::Evict => " [!! evicts pods]",
        Disruption::Reboot => " [!! reboots the node]",
    });
    let color = match step.disruption {
        Disruption::None | Disruption::Restart => style::PLAIN,
        Disruption::Evict | Disruption::Reboot => style::DOUBT,
    };
    let number = format!("{number}. ");
    page.paragraph(
        4,
        4 + number.len(),
        color,
        &format!("{number}{}{marks}", step.description),
    );
    // A note that is its own description is said once.
    if !matches!(&step.action, Action::Note { text } if *text == step.description) {
        write_action(page, 9, &step.action);
    }
    if let Some(verify) = &step.verify {
        page.line(
            9,
            &[
                (style::DIM, "verify: "),
                (style::COMMAND, &shell::join(verify)),
            ],
        );
    }
}

fn write_action(page: &mut Page, indent: usize, action: &Action) {
    let command = |page: &mut Page, argv: &[String]| {
        page.line(indent, &[(style::COMMAND, &shell::join(argv))]);
    };
    match action {
        Action::Command { argv } => command(page, argv),
        Action::Unit {
            verb: UnitVerb::DaemonReload,
            ..
        } => command(page, &["systemctl".to_owned(), "daemon-reload".to_owned()]),
        Action::Unit { name, verb } => command(
            page,
            &[
                "systemctl".to_owned(),
                verb.as_str().to_owned(),
                name.clone(),
            ],
        ),
        Action::SetValue {
            path,
            pointer,
            json,
        } => {
            page.line(indent, &[(style::PLAIN, "in "), (style::STRONG, path)]);
            page.line(
                indent,
                &[
                    (style::PLAIN, "set "),
                    (style::COMMAND, &key(pointer)),
                    (style::PLAIN, " to "),
                    (style::COMMAND, json),
                ],
            );
        }
        Action::RemoveKey { path, pointer } => {
            page.line(indent, &[(style::PLAIN, "in "), (style::STRONG, path)]);
            page.line(
                indent,
                &[(style::PLAIN, "remove "), (style::COMMAND, &key(pointer))],
            );
        }
        Action::WriteFile {
            path,
            mode,
            content,
        } => {
            page.line(
                indent,
                &[
                    (style::PLAIN, "write "),
                    (style::STRONG, path),
                    (style::PLAIN, &format!(" (mode {mode:04o}):")),
                ],
            );
            for line in content.lines() {
                page.line(indent, &[(style::DIM, "| "), (style::COMMAND, line)]);
            }
        }
        Action::RemoveLine { path, line, text } => {
            page.line(
                indent,
                &[
                    (style::PLAIN, "in "),
                    (style::STRONG, path),
                    (
                        style::PLAIN,
                        &format!(" remove line {line}, or comment it out:"),
                    ),
                ],
            );
            page.line(indent, &[(style::DIM, "| "), (style::COMMAND, text)]);
        }
        Action::Note { text } => page.paragraph(indent, indent, style::PLAIN, text),
    }
}

/// An RFC 6901 pointer as people write keys: `a.b[0]."c.d"`.
pub(super) fn key(pointer: &str) -> String {
    let mut key = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
            key.push_str(&format!("[{token}]"));
            continue;
        }
        if !key.is_empty() {
            key.push('.');
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if !token.is_empty() && token.chars().all(plain) {
            key.push_str(&token);
        } else {
            key.push_str(&format!("{token:?}"));
        }
    }
    if key.is_empty() {
        "the whole document".to_owned()
    } else {
        key
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn pointers_read_as_keys() {
        assert_eq!(key("/memorySwap/swapBehavior"), "memorySwap.swapBehavior");
        assert_eq!(
            key("/plugins/io.containerd.grpc.v1.cri/a~1b/0"),
            r#"plugins."io.containerd.grpc.v1.cri"."a/b"[0]"#
        );
        assert_eq!(key(""), "the whole document");
    }
}
