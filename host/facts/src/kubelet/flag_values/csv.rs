//! A list in one value: `readAsCSV` of pflag, which is the first record that Go's
//! `encoding/csv` reads.

/// The fields.
///
/// # Errors
/// What Go says of the text.
pub(super) fn fields(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    if text.is_empty() {
        return Ok(fields);
    }
    let wrong = |rest: &str, why: &str| {
        let column = text.len() - rest.len() + 1;
        Err(format!("parse error on line 1, column {column}: {why}"))
    };
    let mut rest = text.strip_suffix('\n').unwrap_or(text);
    loop {
        let Some(mut quoted) = rest.strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if let Some(at) = field.find('"') {
                let from = rest.get(at..).unwrap_or_default();
                return wrong(from, "bare \" in non-quoted-field");
            }
            fields.push(field.to_owned());
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        loop {
            let Some((inner, after)) = quoted.split_once('"') else {
                return wrong("", "extraneous or missing \" in quoted-field");
            };
            field.push_str(inner);
            if let Some(next) = after.strip_prefix('"') {
                field.push('"');
                quoted = next;
                continue;
            }
            fields.push(field);
            if after.is_empty() {
                return Ok(fields);
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => return wrong(after, "extraneous or missing \" in quoted-field"),
            }
            break;
        }
    }
}
