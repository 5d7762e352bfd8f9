//! What drop-ins are merged over, and what the merged keys are decoded as
//! (`mergeKubeletConfigurations` in `cmd/kubelet/app/server.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::{SettingValue, Tree, compose, is_zero, said};
use crate::document::escape_token;
use crate::kubelet::decode::fold;
use crate::kubelet::fields::{Kind, Struct};

/// Takes away the zero values that `omitempty` leaves out.
pub(super) fn omit(
    entries: &mut BTreeMap<String, Tree>,
    of: &'static Struct,
    pointer: &str,
    omitted: &mut BTreeMap<String, SettingValue>,
) {
    entries.retain(|name, tree| {
        let Some(field) = of.field(name) else {
            return true;
        };
        let pointer = format!("{pointer}/{}", escape_token(name));
        match (tree, field.kind) {
            (Tree::Object(inner), Kind::Object(of)) => omit(inner, of, &pointer, omitted),
            (Tree::Leaf(leaf), kind) => {
                // A struct is always there, and these have no `omitempty`.
                let stays = field.pointer
                    || matches!(kind, Kind::Duration | Kind::DurationOrInt | Kind::Quantity)
                    || ["/containerRuntimeEndpoint", "/logging/verbosity"].contains(&&*pointer);
                let is_empty =
                    is_zero(&leaf.value) || leaf.value.as_array().is_some_and(Vec::is_empty);
                if !stays && is_empty {
                    omitted.insert(pointer, leaf.clone());
                    return false;
                }
            }
            _ => {}
        }
        true
    });
}

/// The entries by the names of their fields. Of keys that differ only in case a
/// later one goes over an earlier one, as they sort; in a struct and a map key by
/// key.
pub(super) fn settle(
    entries: BTreeMap<String, Tree>,
    of: &'static Struct,
    pointer: &str,
    undetermined: &BTreeSet<&'static str>,
) -> BTreeMap<String, Tree> {
    let mut settled = BTreeMap::new();
    for (key, tree) in entries {
        let Some(field) = of.field(&key).or_else(|| fold(of, &key)) else {
            continue;
        };
        let pointer = format!("{pointer}/{}", escape_token(field.name));
        // There is a default under the right name; which, is not known.
        if *key < *field.name && undetermined.contains(pointer.as_str()) {
            continue;
        }
        let tree = match (tree, field.kind) {
            (Tree::Object(inner), Kind::Object(of)) => {
                Tree::Object(settle(inner, of, &pointer, undetermined))
            }
            (tree, _) => tree,
        };
        overlay(&mut settled, field.name.to_owned(), tree);
    }
    settled
}

fn overlay(into: &mut BTreeMap<String, Tree>, name: String, over: Tree) {
    let Some(under) = into.remove(&name) else {
        into.insert(name, over);
        return;
    };
    let tree = match (under, over) {
        (under, Tree::Removed(_)) => under,
        (Tree::Object(mut under), Tree::Object(over)) => {
            for (name, tree) in over {
                overlay(&mut under, name, tree);
            }
            Tree::Object(under)
        }
        (under, Tree::Leaf(mut leaf)) => {
            match under {
                Tree::Removed(history) => leaf.overridden.extend(history),
                under => leaf
                    .overridden
                    .extend(compose(&under).iter().flat_map(said)),
            }
            Tree::Leaf(leaf)
        }
        (_, over @ Tree::Object(_)) => over,
    };
    into.insert(name, tree);
}
