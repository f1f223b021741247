//! What the seed decides: who signs up, whose mailbox makes trouble, where the import stumbles.

use std::collections::HashMap;

use fastrand::Rng;

use crate::deck::deal;
use crate::geocoder::Trouble;
use crate::smtp_sink::Mailbox;

/// The code that only a few can use.
pub(crate) const INVITATION: &str = "insiders";

/// How many rows of the file one import takes.
pub(crate) const SHEET_ROWS: u32 = 200;

/// How many users one newsletter job is for.
pub(crate) const CHUNK: usize = 100;

/// How many days are reported on.
pub(crate) const DAYS: u32 = 5;

/// What is to happen in a run, from beginning to end.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) visitors: Vec<Visitor>,
    /// How many can use the invitation; half of those who try.
    pub(crate) places: u32,
    /// What the mail server does with mail for an address.
    pub(crate) mailboxes: HashMap<String, Mailbox>,
    /// The imports, by their first row, and what the geocoder does to them.
    pub(crate) sheets: Vec<(u32, Trouble)>,
    accepted: usize,
}

/// Somebody who signs up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) request_id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) invitation: Option<&'static str>,
}

/// How a visitor comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Card {
    Plain,
    /// With the invitation, which may have been used up.
    Invited,
    /// With the address of an earlier one.
    Again,
}

const VISITORS: [(usize, Card); 3] = [(17, Card::Plain), (2, Card::Invited), (1, Card::Again)];

impl Scenario {
    /// Makes the plan of a run; the same seed gives the same plan.
    pub(crate) fn new(seed: u64, users: usize, airports: u32) -> Scenario {
        Scenario::numbered_from(1, seed, users, airports)
    }

    /// The same, whose visitors are others than those with smaller numbers.
    pub(crate) fn numbered_from(first: usize, seed: u64, users: usize, airports: u32) -> Scenario {
        let mut random = Rng::with_seed(seed);
        let mut visitors: Vec<Visitor> = Vec::with_capacity(users);
        let mut known: Vec<usize> = Vec::with_capacity(users);
        for (at, card) in deal(&mut random, &VISITORS, users).into_iter().enumerate() {
            let mut visitor = Visitor::new(&mut random, first + at);
            match card {
                Card::Again if !known.is_empty() => {
                    let before = &visitors[known[random.usize(..known.len())]];
                    visitor.name.clone_from(&before.name);
                    visitor.email.clone_from(&before.email);
                }
                Card::Invited => visitor.invitation = Some(INVITATION),
                Card::Plain | Card::Again => known.push(at),
            }
            visitors.push(visitor);
        }
        let invited = visitors.iter().filter(|visitor| visitor.invitation.is_some()).count();
        let places = invited.div_ceil(2);

        let mut addresses: Vec<&str> = visitors.iter().map(|v| v.email.as_str()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let accepted = addresses.len() - (invited - places);
        let mailboxes = deal(&mut random, &Mailbox::DECK, addresses.len());
        let mailboxes = addresses.into_iter().map(str::to_owned).zip(mailboxes).collect();

        let sheets = airports.div_ceil(SHEET_ROWS);
        let troubles = deal(&mut random, &Trouble::DECK, sheets as usize);
        let sheets = (0..sheets).map(|sheet| sheet * SHEET_ROWS).zip(troubles).collect();
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        Scenario { visitors, places, mailboxes, sheets, accepted }
    }

    /// How many jobs each queue is to see in all.
    pub(crate) fn expected(&self) -> [(&'static str, u64); 3] {
        let users = self.accepted as u64;
        let newsletters = self.accepted.div_ceil(CHUNK) as u64;
        let imports = self.sheets.len() as u64;
        [
            ("default", imports + u64::from(DAYS)),
            ("mailers", users + newsletters),
            ("analytics", users),
        ]
    }

    /// How many visitors become users.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted as u64
    }
}

const FIRST_NAMES: [&str; 16] = [
    "Ada", "Amara", "Bjarne", "Chen", "Daria", "Emeka", "Farida", "Grace", "Hana", "Ivan", "Jimin",
    "Kenji", "Lucía", "Minjun", "Noor", "Seoyeon",
];
const LAST_NAMES: [&str; 16] = [
    "Abe", "Bauer", "Choi", "Diallo", "Eriksen", "Farah", "García", "Hopper", "Ito", "Jung", "Kim",
    "Lovelace", "Moreau", "Novak", "Okafor", "Park",
];

impl Visitor {
    fn new(random: &mut Rng, number: usize) -> Visitor {
        let first = FIRST_NAMES[random.usize(..FIRST_NAMES.len())];
        let last = LAST_NAMES[random.usize(..LAST_NAMES.len())];
        let plain = |name: &str| name.to_lowercase().replace('í', "i");
        Visitor {
            request_id: format!("request-{number}"),
            name: format!("{first} {last}"),
            // A domain that can belong to nobody.
            email: format!("{}.{}.{number}@mail.example", plain(first), plain(last)),
            invitation: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        let plan = |seed| Scenario::new(seed, 50, 1000).visitors;
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn those_who_come_later_are_others() {
        let names = |scenario: Scenario| -> Vec<String> {
            scenario.visitors.into_iter().map(|visitor| visitor.email).collect()
        };
        let first = names(Scenario::new(1, 50, 200));
        let later = names(Scenario::numbered_from(51, 2, 50, 200));
        assert!(later.iter().all(|email| !first.contains(email)));
    }

    #[test]
    fn one_visitor_in_ten_is_refused() {
        let scenario = Scenario::new(1, 200, 3376);
        assert_eq!((scenario.accepted(), scenario.places), (180, 10));
        assert_eq!(scenario.expected(), [("default", 22), ("mailers", 182), ("analytics", 180)]);
    }

    #[test]
    fn a_single_visitor_is_accepted() {
        for seed in 0..40 {
            assert_eq!(Scenario::new(seed, 1, 200).accepted(), 1, "{seed}");
        }
    }

    #[test]
    fn every_address_has_a_mailbox() {
        let scenario = Scenario::new(3, 100, 200);
        let has_one = |visitor: &Visitor| scenario.mailboxes.contains_key(&visitor.email);
        assert!(scenario.visitors.iter().all(has_one));
    }
}
