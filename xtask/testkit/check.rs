//! The checker: whether everybody's history is the one history.
//!
//! It believes nothing but lists of what each client has: so it can be tested with lists.

use std::collections::{BTreeMap, BTreeSet};

/// A message as a client has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its place; absent while it waits in an outbox.
    pub(crate) seq: Option<u64>,
    /// Its id.
    pub(crate) id: String,
    /// What it says; unique in a run.
    pub(crate) text: String,
}

/// A conversation, by its name in the run.
pub(crate) type Place = String;

/// What was said in a run, and what became of it.
#[derive(Default)]
pub(crate) struct Evidence {
    /// Every text that was said, by conversation.
    pub(crate) said: BTreeMap<Place, BTreeSet<String>>,
    /// The place of every message whose sender saw it acknowledged, by id.
    pub(crate) acknowledged: BTreeMap<String, u64>,
    /// What each member of a conversation has of it, in the order it is shown.
    pub(crate) held: BTreeMap<(Place, String), Vec<Held>>,
}

impl Evidence {
    /// Everything that is not as it should be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut places: BTreeMap<(&str, u64), &str> = BTreeMap::new();
        for ((place, client), held) in &self.held {
            faults.extend(
                self.faults_of(held).into_iter().map(|fault| format!("{client} in {place}: {fault}")),
            );
            for message in held {
                let Some(seq) = message.seq else { continue };
                let first = places.entry((place.as_str(), seq)).or_insert(&message.text);
                if *first != message.text {
                    faults.push(format!(
                        "{client} in {place}: at {seq} is {:?}, for others {first:?}",
                        message.text
                    ));
                }
            }
            let texts: BTreeSet<&String> = held.iter().map(|message| &message.text).collect();
            let nothing = BTreeSet::new();
            let said = self.said.get(place).unwrap_or(&nothing);
            faults.extend(
                said.iter()
                    .filter(|text| !texts.contains(text))
                    .map(|text| format!("{client} in {place}: {text:?} is missing")),
            );
            faults.extend(
                texts
                    .iter()
                    .filter(|text| !said.contains(**text))
                    .map(|text| format!("{client} in {place}: nobody said {text:?}")),
            );
        }
        faults
    }

    /// What is wrong within one client's list.
    fn faults_of(&self, held: &[Held]) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for (index, message) in held.iter().enumerate() {
            let expected = index as u64 + 1;
            if message.seq != Some(expected) {
                faults.push(format!("{:?} is at {:?} instead of {expected}", message.text, message.seq));
            }
            if !ids.insert(&message.id) || !texts.insert(&message.text) {
                faults.push(format!("{:?} is there twice", message.text));
            }
            let acknowledged = self.acknowledged.get(&message.id);
            if acknowledged.is_some_and(|seq| Some(*seq) != message.seq) {
                faults.push(format!(
                    "{:?} was acknowledged at {acknowledged:?}, and is at {:?}",
                    message.text, message.seq
                ));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(seq: u64, text: &str) -> Held {
        Held { seq: Some(seq), id: format!("id {text}"), text: text.to_owned() }
    }

    fn evidence(lists: &[&[Held]]) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.said.insert("lobby".into(), ["a", "b", "c"].map(str::to_owned).into());
        evidence.acknowledged.insert("id b".into(), 2);
        for (client, list) in lists.iter().enumerate() {
            evidence.held.insert(("lobby".into(), client.to_string()), list.to_vec());
        }
        evidence
    }

    #[test]
    fn one_history_is_in_order() {
        let list = [held(1, "a"), held(2, "b"), held(3, "c")];
        assert_eq!(evidence(&[&list, &list]).faults(), [""; 0]);
    }

    #[test]
    fn every_fault_is_noticed() {
        let good = [held(1, "a"), held(2, "b"), held(3, "c")];
        let lost = [held(1, "a"), held(2, "b")];
        let gap = [held(1, "a"), held(3, "b"), held(4, "c")];
        let doubled = [held(1, "a"), held(2, "b"), held(3, "b"), held(4, "c")];
        let swapped = [held(2, "b"), held(1, "a"), held(3, "c")];
        let moved = [held(1, "b"), held(2, "a"), held(3, "c")];
        let invented = [held(1, "a"), held(2, "b"), held(3, "c"), held(4, "d")];
        let pending = [held(1, "a"), held(2, "b"), Held { seq: None, ..held(3, "c") }];
        for bad in [&lost[..], &gap, &doubled, &swapped, &moved, &invented, &pending] {
            assert!(!evidence(&[&good, bad]).faults().is_empty(), "{bad:?}");
            assert!(!evidence(&[bad, &good]).faults().is_empty(), "{bad:?}");
        }
    }
}
