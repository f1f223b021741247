//! The search for a page: what to ask a storage next, and when to stop. Without I/O and without a clock.

use std::cmp::Ordering;
use std::time::Duration;

use super::{Cursor, Page, Path, Scan, Scanned, Spot, Way, has_index_of_own_time};
use crate::job_query::{Condition, JobTime};
use crate::job_row::JobRow;
use crate::state::State;
use crate::time::Timestamp;

/// The search for a page, made by [`Listing::search`](super::Listing::search).
///
/// Whoever drives it asks a storage for the [`Scan`] that [`next`](Search::next) wants, tells what was
/// [`found`](Search::found), and takes the [`page`](Search::page) once there is nothing to ask.
#[derive(Debug)]
pub struct Search {
    /// The way of the list, which the page goes against if it ends in front of its cursor.
    way: Way,
    cursor: Option<Cursor>,
    size: u32,
    time: Duration,
    most: u64,
    searched: u64,
    tracks: Vec<Track>,
    /// What was asked last.
    asked: usize,
    found: Vec<(Spot, JobRow)>,
}

/// One index along which is looked, and how far that went.
#[derive(Debug)]
struct Track {
    scan: Scan,
    /// When the job was inserted that is at the place after which it goes on.
    inserted_at: Option<Timestamp>,
    has_begun: bool,
    has_ended: bool,
}

/// Through how many rows is looked at first, and at most at a time.
const WINDOWS: (u32, u32) = (1_000, 16_000);

impl Search {
    pub(super) fn new(
        way: Way,
        states: &[State],
        conditions: Vec<Condition>,
        size: u32,
        cursor: Option<Cursor>,
        time: Duration,
        most: u64,
    ) -> Search {
        let going = match cursor {
            Some(cursor) if cursor.backwards => way.reversed(),
            _ => way,
        };
        let after = cursor.map(|cursor| cursor.spot);
        let tracks = match states.is_empty() {
            true => Vec::new(),
            false => tracks(going, states, &conditions, after, size + 1),
        };
        Search { way, cursor, size, time, most, searched: 0, tracks, asked: 0, found: Vec::new() }
    }

    /// What to ask next, so long after the beginning; `None` when the page is there, or its time is
    /// over.
    pub fn next(&mut self, elapsed: Duration) -> Option<Scan> {
        let going = self.going();
        let behind = |one: &&(usize, Spot), other: &&(usize, Spot)| going.compare(&one.1, &other.1);
        let is_over = elapsed >= self.time || self.searched >= self.most;
        let fresh = self.tracks.iter().position(|track| !track.has_begun);
        let next = match fresh {
            // Before each index has been looked at once nothing can be said.
            Some(fresh) => fresh,
            None => {
                let open: Vec<(usize, Spot)> = self.open().collect();
                let (index, frontier) = *open.iter().min_by(behind)?;
                if is_over || self.known(frontier) > self.size as usize {
                    return None;
                }
                index
            }
        };
        self.asked = next;
        Some(self.tracks[next].scan.clone())
    }

    /// Takes what the last scan has found.
    pub fn found(&mut self, scanned: Scanned) {
        let Some(track) = self.tracks.get_mut(self.asked) else { return };
        let scan = &mut track.scan;
        let Scanned { rows, edge } = scanned;
        let is_full = rows.len() >= scan.limit as usize;
        let last = rows.last().and_then(|row| Some((scan.way.place_of(row)?, row.inserted_at)));
        let reached = match (is_full, scan.window) {
            // It stopped there: what is behind it in the window has not been looked at.
            (true, _) => last,
            (false, Some(_)) => edge,
            (false, None) => None,
        };
        self.searched += match (is_full, scan.window) {
            (false, Some(window)) if reached.is_some() => u64::from(window),
            _ => rows.len() as u64,
        };
        track.has_begun = true;
        track.has_ended = reached.is_none();
        if let Some((spot, inserted_at)) = reached {
            scan.after = Some(spot);
            track.inserted_at = Some(inserted_at);
        }
        scan.window = scan.window.map(|window| (window * 4).min(WINDOWS.1));
        let way = scan.way;
        self.found.extend(rows.into_iter().filter_map(|row| Some((way.place_of(&row)?, row))));
    }

    /// The page, as far as it was found.
    pub fn page(mut self) -> Page {
        let (going, size) = (self.going(), self.size as usize);
        let open: Vec<(usize, Spot)> = self.open().collect();
        let stop = open.iter().min_by(|one, other| going.compare(&one.1, &other.1)).copied();
        self.found.sort_by(|one, other| going.compare(&one.0, &other.0));
        // A job that changed its state meanwhile was met on two of the ways.
        let mut met = std::collections::HashSet::new();
        self.found.retain(|(_, row)| met.insert(row.id));
        let known = match stop {
            Some((_, frontier)) => self.known(frontier),
            None => self.found.len(),
        };
        let is_full = known >= size;
        let has_more = stop.is_some() || self.found.len() > size;
        self.found.truncate(known.min(size));

        let complete = is_full || stop.is_none();
        let searched_to = stop
            .filter(|_| !complete)
            .and_then(|(index, spot)| spot.time.or(self.tracks[index].inserted_at));
        let end = match (complete, stop) {
            (false, Some((_, frontier))) => Some(frontier),
            _ => self.found.last().map(|(spot, _)| *spot),
        };
        let backwards = self.cursor.is_some_and(|cursor| cursor.backwards);
        let cursor = |backwards, spot| Cursor { way: self.way, backwards, spot };
        let onward = end.filter(|_| has_more).map(|spot| cursor(backwards, spot));
        // From where it came: in front of its first job, or else where it began.
        let begin = self.found.first().map(|(spot, _)| *spot);
        let back = self.cursor.map(|came| cursor(!backwards, begin.unwrap_or(came.spot)));

        let mut rows: Vec<JobRow> = self.found.into_iter().map(|(_, row)| row).collect();
        let (next, previous) = if backwards {
            rows.reverse();
            (back, onward)
        } else {
            (onward, back)
        };
        Page { rows, next, previous, complete, searched: self.searched, searched_to }
    }

    /// The way that the search goes, against the list if the page ends in front of its cursor.
    fn going(&self) -> Way {
        match self.cursor {
            Some(cursor) if cursor.backwards => self.way.reversed(),
            _ => self.way,
        }
    }

    /// The tracks that go on, and after which place.
    fn open(&self) -> impl Iterator<Item = (usize, Spot)> {
        let open = self.tracks.iter().enumerate().filter(|(_, track)| !track.has_ended);
        open.filter_map(|(index, track)| Some((index, track.scan.after?)))
    }

    /// How many jobs were found up to a place: nothing can come between them any more.
    fn known(&self, frontier: Spot) -> usize {
        let is_known = |spot: &Spot| self.going().compare(spot, &frontier) != Ordering::Greater;
        self.found.iter().filter(|(spot, _)| is_known(spot)).count()
    }
}

/// The indexes along which the jobs in these states are.
fn tracks(
    way: Way,
    states: &[State],
    conditions: &[Condition],
    after: Option<Spot>,
    limit: u32,
) -> Vec<Track> {
    let groups: Vec<(Option<JobTime>, Vec<State>)> = match way.path {
        Path::Number => vec![(None, Vec::new())],
        Path::Claim => vec![(Some(JobTime::Scheduled), vec![State::Available])],
        Path::OwnTime => {
            let few = states.iter().copied().filter(|state| has_index_of_own_time(*state));
            let mut groups: Vec<(Option<JobTime>, Vec<State>)> = Vec::new();
            for state in few {
                // These two share an index, and are walked together.
                let members = match state {
                    State::Scheduled | State::Retryable => vec![State::Scheduled, State::Retryable],
                    other => vec![other],
                };
                if groups.iter().all(|(_, group)| *group != members) {
                    groups.push((Some(JobTime::of_state(state)), members));
                }
            }
            groups
        }
    };
    let is_named = conditions.iter().any(Condition::is_ids);
    let meant = |group: &[State]| group.iter().all(|state| states.contains(state));
    let track = |(time, group): (Option<JobTime>, Vec<State>)| {
        let (mut bounds, mut residual) = (Vec::new(), Vec::new());
        let of_group = conditions.iter().map(|condition| condition.of_ended(&group));
        for condition in of_group {
            match &condition {
                // Each job of the group is in one that is meant.
                condition if condition.is_states() && !group.is_empty() && meant(&group) => {}
                condition if condition.bounds(way.path, time, &group) => {
                    bounds.push(condition.clone());
                }
                condition => residual.push(condition.clone()),
            }
        }
        let window = (!residual.is_empty() && !is_named).then_some(WINDOWS.0);
        Track {
            scan: Scan { way, time, states: group, bounds, residual, after, window, limit },
            inserted_at: None,
            has_begun: false,
            has_ended: false,
        }
    };
    groups.into_iter().map(track).collect()
}
