//! The keys that an EMKS keeps of its users: a small number of past ones beside the newest (seed 004, considerations on the key
//! identifier).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::settings::Enterprise;
use crate::eps::identifiers::Imsi;
use crate::eps::identifiers::e2m::KeyIdentifier;
use crate::eps::keys::E2mIntKey;
use crate::time::VirtualTime;

/// Most users whose keys are kept; of more, the one whose newest key is the oldest loses its keys.
pub const MOST_USERS: usize = 65_536;

/// Why a key was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Removal {
    /// A newer one has come, and there is room for so many only.
    Depth,
    /// It is too old.
    Age,
}

struct Stored {
    identifier: KeyIdentifier,
    /// On the heap by itself: it is wiped where it is, and no move of what is around it leaves a copy.
    key: Box<E2mIntKey>,
    since: VirtualTime,
    /// A session under it has come about, later than under any other.
    confirmed: bool,
}

/// What was deleted: whose, what it was called, why.
pub type Deleted = (Imsi, KeyIdentifier, Removal);

/// The keys of all users.
pub struct KeyStore {
    depth: usize,
    age: Option<Duration>,
    /// Of each user, the newest first.
    keys: BTreeMap<Imsi, VecDeque<Stored>>,
}

impl KeyStore {
    /// An empty store. A depth of 0 is one of 1.
    #[must_use]
    pub fn new(settings: &Enterprise) -> Self {
        Self { depth: settings.depth.max(1), age: settings.age, keys: BTreeMap::new() }
    }

    /// A key has come. One that is there already, pushed again because an answer was lost, stays where it is. What had to go is
    /// answered.
    pub fn push(
        &mut self,
        now: VirtualTime,
        user: Imsi,
        identifier: KeyIdentifier,
        key: E2mIntKey,
    ) -> Result<Vec<Deleted>, AlreadyThere> {
        let known = self.keys.get(&user);
        if known.is_some_and(|keys| keys.iter().any(|one| one.identifier == identifier && *one.key == key)) {
            return Err(AlreadyThere);
        }
        let mut deleted = Vec::new();
        if known.is_none() && self.keys.len() >= MOST_USERS {
            let newest = |keys: &VecDeque<Stored>| keys.front().map(|one| one.since);
            let oldest = self.keys.iter().min_by_key(|(_, keys)| newest(keys)).map(|(user, _)| *user);
            if let Some((user, keys)) = oldest.and_then(|user| self.keys.remove_entry(&user)) {
                deleted.extend(keys.iter().map(|one| (user, one.identifier, Removal::Depth)));
            }
        }
        let keys = self.keys.entry(user).or_default();
        keys.push_front(Stored { identifier, key: Box::new(key), since: now, confirmed: false });
        deleted.extend(beyond(self.depth, user, keys));
        deleted.extend(self.expire(now));
        Ok(deleted)
    }

    /// A session of a user has come about under its key with this identifier: that is kept from now on besides those of the depth, and
    /// the one confirmed before is one of them again. Nothing, if there are several with this identifier. What had to go is answered.
    pub fn confirm(&mut self, user: Imsi, identifier: KeyIdentifier) -> Vec<Deleted> {
        let Some(keys) = self.keys.get_mut(&user) else { return Vec::new() };
        if keys.iter().filter(|one| one.identifier == identifier).count() == 1 {
            keys.iter_mut().for_each(|one| one.confirmed = one.identifier == identifier);
        }
        beyond(self.depth, user, keys)
    }

    /// The keys of a user with this identifier, the newest first.
    pub fn of(&self, user: Imsi, identifier: KeyIdentifier) -> impl Iterator<Item = &E2mIntKey> {
        let keys = self.keys.get(&user).into_iter().flatten();
        keys.filter(move |one| one.identifier == identifier).map(|one| &*one.key)
    }

    /// How many keys there are of a user.
    #[must_use]
    pub fn depth_of(&self, user: Imsi) -> usize {
        self.keys.get(&user).map_or(0, VecDeque::len)
    }

    /// Deletes what is too old by now. The newest key of a user is never too old: no newer one is there to take its place \[choice\].
    pub fn expire(&mut self, now: VirtualTime) -> Vec<Deleted> {
        let Some(age) = self.age else { return Vec::new() };
        let mut deleted = Vec::new();
        for (user, keys) in &mut self.keys {
            while keys.len() > 1 && keys.back().is_some_and(|one| one.since + age <= now) {
                deleted.extend(keys.pop_back().map(|one| (*user, one.identifier, Removal::Age)));
            }
        }
        deleted
    }

    /// When the next key is too old.
    #[must_use]
    pub fn next_expiry(&self) -> Option<VirtualTime> {
        let age = self.age?;
        let past = self.keys.values().filter(|keys| keys.len() > 1).filter_map(VecDeque::back);
        past.map(|one| one.since + age).min()
    }
}

/// Takes out the oldest keys that there is no room for: so many are kept, and the one that is confirmed.
fn beyond(depth: usize, user: Imsi, keys: &mut VecDeque<Stored>) -> Vec<Deleted> {
    let mut deleted = Vec::new();
    while keys.iter().filter(|one| !one.confirmed).count() > depth {
        let oldest = keys.iter().rposition(|one| !one.confirmed);
        let Some(one) = oldest.and_then(|place| keys.remove(place)) else { break };
        deleted.push((user, one.identifier, Removal::Depth));
    }
    deleted
}

/// The key was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyThere;
