//! Sets of CPUs (k8s.io/utils/cpuset).

use std::fmt;

/// A set of CPUs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuSet {
    /// A bit for each, up to the last word that has one.
    words: Vec<u64>,
}

impl CpuSet {
    /// Reads a set such as `0-3,6`. `None` if it is none, or has more than a
    /// machine can have.
    pub fn parse(text: &str) -> Option<Self> {
        const MOST: usize = 8_192;
        let mut set = Self::default();
        for part in text.trim_ascii().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
            if first > last || last > MOST {
                return None;
            }
            (first..=last).for_each(|cpu| set.insert(cpu));
        }
        Some(set)
    }

    fn insert(&mut self, cpu: usize) {
        if self.words.len() <= cpu / 64 {
            self.words.resize(cpu / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(cpu / 64) {
            *word |= 1 << (cpu % 64);
        }
    }

    fn contains(&self, cpu: usize) -> bool {
        self.words
            .get(cpu / 64)
            .is_some_and(|word| word >> (cpu % 64) & 1 == 1)
    }

    /// How many they are.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Those of this set that are in the other one.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.with(other, |a, b| a & b)
    }

    /// Those of this set that are not in the other one.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.with(other, |a, b| a & !b)
    }

    /// Those of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.with(other, |a, b| a | b)
    }

    /// Whether all of this set are in the other one.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    fn with(&self, other: &Self, operation: fn(u64, u64) -> u64) -> Self {
        let word = |set: &Self, index| set.words.get(index).copied().unwrap_or(0);
        let mut words: Vec<u64> = (0..self.words.len().max(other.words.len()))
            .map(|index| operation(word(self, index), word(other, index)))
            .collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        Self { words }
    }
}

/// As the kubelet writes it: `0-3,6`.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        let mut cpu = 0;
        while cpu < self.words.len() * 64 {
            let first = cpu;
            while self.contains(cpu) {
                cpu += 1;
            }
            if cpu > first {
                write!(f, "{comma}{first}")?;
                if cpu - 1 > first {
                    write!(f, "-{}", cpu - 1)?;
                }
                comma = ",";
            }
            cpu += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> CpuSet {
        CpuSet::parse(text).expect("it is a set")
    }

    #[test]
    fn sets_are_read_and_written() {
        assert_eq!(set("0-2,5").len(), 4);
        assert_eq!(set("5,0-2,3").to_string(), "0-3,5");
        assert_eq!(set("63-64,127,200-201").to_string(), "63-64,127,200-201");
        assert_eq!(set("").to_string(), "");
        for text in ["3-1", "a", "0-", "0-9999", "1--2"] {
            assert_eq!(CpuSet::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sets_are_compared() {
        assert_eq!(set("0-3").difference(&set("1,70")), set("0,2-3"));
        assert_eq!(set("0-3").union(&set("100")), set("100,0-3"));
        assert_eq!(set("64-65").intersection(&set("0-63")), set(""));
        assert!(set("64-65").intersection(&set("0-63")).is_empty());
        assert!(set("1,3").is_subset(&set("0-3")));
        assert!(!set("1,4").is_subset(&set("0-3")));
        assert!(set("").is_subset(&set("")));
    }
}
