//! os-release(5).

use schemars::JsonSchema;
use serde::Serialize;

use crate::shell_word::unquote;

/// The fields of os-release(5) that tell systems apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OsRelease {
    /// `ID`, `linux` if it is not set.
    pub id: String,
    /// `ID_LIKE`, the closest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`.
    pub version_id: Option<String>,
    /// `VARIANT_ID`.
    pub variant_id: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
}

impl OsRelease {
    /// Reads the assignments; the last of a key wins.
    pub fn parse(text: &str) -> Self {
        let get = |key: &str| {
            text.lines()
                .rev()
                .filter_map(|line| line.trim().split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| unquote(value))
                .filter(|value| !value.is_empty())
        };
        Self {
            id: get("ID").unwrap_or_else(|| "linux".to_owned()),
            id_like: get("ID_LIKE")
                .map(|ids| ids.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            version_id: get("VERSION_ID"),
            variant_id: get("VARIANT_ID"),
            pretty_name: get("PRETTY_NAME"),
        }
    }

    /// The number before the first dot of `VERSION_ID`.
    pub fn major(&self) -> Option<u32> {
        self.version_id.as_deref()?.split('.').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lose_their_quotes() {
        let os = OsRelease::parse(
            "# x\nID=\"rocky\"\nID_LIKE='rhel fedora'\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"A \\\"B\\\"\"\n",
        );
        assert_eq!((os.id.as_str(), os.major()), ("rocky", Some(9)));
        assert_eq!(os.id_like, ["rhel", "fedora"]);
        assert_eq!(os.pretty_name.as_deref(), Some("A \"B\""));
        assert_eq!(OsRelease::parse("").id, "linux");
    }
}
