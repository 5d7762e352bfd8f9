//! Command lines as systemd prints them. For tests only.

/// A word as systemd prints it in a command line.
#[allow(unreachable_pub, reason = "part of several tests")]
pub fn quoted(word: &str) -> String {
    let special = |c: char| c <= ' ' || "\"\\`$*?['()<>|&;!".contains(c);
    if word.is_empty() || word.contains(special) {
        let mut quoted = String::from("\"");
        for c in word.chars() {
            if "\"\\`$".contains(c) {
                quoted.push('\\');
            }
            match c {
                '\n' => quoted.push_str("\\n"),
                c => quoted.push(c),
            }
        }
        quoted + "\""
    } else {
        word.to_owned()
    }
}
