//! Who is alive, and what becomes of the jobs of the dead.
//!
//! A process is seen by others in two ways: its producers' rows say when they were last heard of, and
//! a lock that its session holds is freed by the server when the process is gone. The lock is taken
//! only where the session is the server's own; behind a pooler there is only silence to go by.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kerrera_core::directory::NodeCard;
use kerrera_core::error::Kind;
use kerrera_core::storage::{Beat, Look, Pending, Presence, Producer, Pulse, Rescue, Sighting};
use kerrera_core::{ClaimToken, Clock, Error, JobId, Result, State, Uuid};
use tokio_postgres::types::Type;

use crate::connection::{Link, Parameter, Session, Verb};
use crate::rows::Stamp;
use crate::server::{Profile, Server};
use crate::statements::{Call, Statements, bare};
use crate::{directory, neighbours};

/// The first key of every presence lock; the second is the process's own.
pub(crate) const PRESENCE: i32 = 0x4b72_7261;

/// Silence that is worth a look; whether it is death, the one who looks decides.
const SILENT: Duration = Duration::from_secs(1);

/// The most jobs that one rescue frees, so that it does not hold up a beat.
const MOST_FREED: u32 = 1000;

/// The connection by which a process says that it is alive, and looks after the others.
pub(crate) struct Heart {
    link: Arc<Link>,
    clock: Clock,
    enrolled: Mutex<Enrolled>,
}

#[derive(Default)]
struct Enrolled {
    producers: BTreeSet<Uuid>,
    sql: Option<Arc<Statements>>,
}

impl Heart {
    /// The longest that a call may take: a beat that comes later is of no use.
    pub(crate) const LIMIT: Duration = Duration::from_secs(5);

    pub(crate) fn new(server: &Arc<Server>, profile: Profile, clock: Clock) -> Arc<Heart> {
        Arc::new_cyclic(|heart: &std::sync::Weak<Heart>| {
            let heart = heart.clone();
            let lost = Arc::new(move || {
                if let Some(heart) = heart.upgrade() {
                    tokio::spawn(heart.revive());
                }
            });
            let link = Arc::new(Link::noticing(server, profile, Some(lost)));
            Heart { link, clock, enrolled: Mutex::default() }
        })
    }

    pub(crate) async fn enroll(self: &Arc<Self>, call: Call<Vec<Producer>>) -> Result<()> {
        // First, so that they are shown again if the session is lost before the answer is here.
        self.remember(|enrolled| {
            enrolled.producers.extend(call.input.iter().map(|producer| producer.uuid));
            enrolled.sql = Some(Arc::clone(&call.sql));
        });
        let order = self.order(call, |session, call| Box::pin(enroll(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn beat(self: &Arc<Self>, mut call: Call<Vec<Beat>>) -> Result<Pulse> {
        // One order for all, so that two processes cannot wait for each other.
        call.input.sort_by_key(|beat| beat.producer);
        let order = self.order(call, |session, call| Box::pin(beat(session, call)));
        // From here on the session belongs to whoever keeps the beat: it is driven on that runtime.
        let pulse = self.link.run_here(order, Order::run).await?;
        self.remember(|enrolled| {
            for dead in &pulse.dead {
                enrolled.producers.remove(dead);
            }
        });
        Ok(pulse)
    }

    pub(crate) async fn look(self: &Arc<Self>, call: Call<()>) -> Result<Look> {
        let order = self.order(call, |session, call| Box::pin(look(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn rescue(
        self: &Arc<Self>,
        mut call: Call<(Vec<Sighting>, u32)>,
    ) -> Result<Rescue> {
        call.input.0.sort_by_key(|sighting| sighting.producer);
        let order = self.order(call, |session, call| Box::pin(rescue(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn retire(self: &Arc<Self>, mut call: Call<Vec<Uuid>>) -> Result<()> {
        call.input.sort();
        let retired = call.input.clone();
        let order = self.order(call, |session, call| Box::pin(retire(session, call)));
        let kept = self.link.run(order, Order::run).await?;
        // Those that still run something must stay visible.
        self.remember(|enrolled| {
            enrolled.producers.retain(|uuid| !retired.contains(uuid) || kept.contains(uuid));
        });
        Ok(())
    }

    pub(crate) async fn refresh(
        self: &Arc<Self>,
        mut call: Call<Vec<(JobId, ClaimToken)>>,
    ) -> Result<()> {
        call.input.sort_by_key(|(id, _)| *id);
        let order = self.order(call, |session, call| Box::pin(neighbours::refresh(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn reclaim(
        self: &Arc<Self>,
        mut call: Call<Vec<(JobId, ClaimToken)>>,
    ) -> Result<Vec<(JobId, ClaimToken)>> {
        call.input.sort_by_key(|(id, _)| *id);
        let order = self.order(call, |session, call| Box::pin(neighbours::reclaim(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn announce(self: &Arc<Self>, call: Call<(Uuid, NodeCard)>) -> Result<()> {
        let order = self.order(call, |session, call| Box::pin(directory::announce(session, call)));
        self.link.run(order, Order::run).await
    }

    pub(crate) async fn depart(self: &Arc<Self>, call: Call<(Uuid, Vec<String>)>) -> Result<()> {
        let order = self.order(call, |session, call| Box::pin(directory::depart(session, call)));
        self.link.run(order, Order::run).await
    }

    fn order<I, T>(self: &Arc<Self>, call: Call<I>, verb: Verb<Call<I>, T>) -> Order<I, T> {
        Order { heart: Arc::clone(self), call, verb }
    }

    /// Takes a presence lock on a session that has none, and writes it down.
    async fn appear(&self, session: &mut Session, sql: &Statements) -> Result<()> {
        if session.presence.is_some() || !session.is_direct() {
            return Ok(());
        }
        let key = loop {
            let key = fastrand::i32(1..);
            let parameters: [Parameter<'_>; 2] = [(&PRESENCE, Type::INT4), (&key, Type::INT4)];
            let lock = bare(include_str!("sql/presence_lock.sql"));
            let rows = session.query("the presence lock", &lock, &parameters).await?;
            if rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
                break key;
            }
        };
        let producers: Vec<Uuid> = self.remember(|e| e.producers.iter().copied().collect());
        if !producers.is_empty() {
            let now = self.clock.shows().map(Stamp);
            let parameters: [Parameter<'_>; 3] =
                [(&now, Type::TIMESTAMP), (&key, Type::INT4), (&producers, Type::UUID_ARRAY)];
            session.query("showing presence", &sql.presence, &parameters).await?;
        }
        session.presence = Some(key);
        Ok(())
    }

    /// Shows again that this process is there, as soon as its session is lost: whoever looks sees a
    /// free lock, and takes it for dead two seconds later.
    async fn revive(self: Arc<Self>) {
        for wait in [0, 50, 100, 200, 400, 800, 1600] {
            let sql = self.remember(|e| e.sql.clone().filter(|_| !e.producers.is_empty()));
            let Some(sql) = sql else { return };
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let call = Call { sql, now: None, input: () };
            let order = self.order(call, |_, _| Box::pin(async { Ok(()) }));
            match self.link.run(order, Order::run).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(error = %error, "the heart's session is lost"),
            }
        }
    }

    fn remember<T>(&self, look: impl FnOnce(&mut Enrolled) -> T) -> T {
        look(&mut self.enrolled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A verb for a session that shows that this process is there.
struct Order<I, T> {
    heart: Arc<Heart>,
    call: Call<I>,
    verb: Verb<Call<I>, T>,
}

impl<I: Sync, T: 'static> Order<I, T> {
    fn run<'a>(session: &'a mut Session, order: &'a Order<I, T>) -> Pending<'a, T> {
        Box::pin(async move {
            order.heart.appear(session, &order.call.sql).await?;
            (order.verb)(session, &order.call).await
        })
    }
}

impl fmt::Debug for Heart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heart").field("link", &self.link).finish_non_exhaustive()
    }
}

async fn enroll(session: &mut Session, call: &Call<Vec<Producer>>) -> Result<()> {
    let Call { sql, now, input: producers } = call;
    let uuids: Vec<Uuid> = producers.iter().map(|producer| producer.uuid).collect();
    let nodes: Vec<&str> = producers.iter().map(|producer| &*producer.node).collect();
    let queues: Vec<&str> = producers.iter().map(|producer| &*producer.queue).collect();
    let limits: Vec<i64> = producers.iter().map(|producer| i64::from(producer.limit)).collect();
    let presence = session.presence;
    let parameters: [Parameter<'_>; 6] = [
        (now, Type::TIMESTAMP),
        (&presence, Type::INT4),
        (&uuids, Type::UUID_ARRAY),
        (&nodes, Type::TEXT_ARRAY),
        (&queues, Type::TEXT_ARRAY),
        (&limits, Type::INT8_ARRAY),
    ];
    session.query("the enrolment", &sql.enroll, &parameters).await?;
    neighbours::show(session, call, &uuids).await;
    Ok(())
}

async fn beat(session: &mut Session, call: &Call<Vec<Beat>>) -> Result<Pulse> {
    let Call { sql, now, input: beats } = call;
    let uuids: Vec<Uuid> = beats.iter().map(|beat| beat.producer).collect();
    let paused: Vec<bool> = beats.iter().map(|beat| beat.paused).collect();
    let limits: Vec<i64> = beats.iter().map(|beat| i64::from(beat.limit)).collect();
    let running: Vec<(JobId, ClaimToken)> =
        beats.iter().flat_map(|beat| beat.running.iter().copied()).collect();
    let ids: Vec<JobId> = running.iter().map(|(id, _)| *id).collect();
    let tokens: Vec<&str> = running.iter().map(|(_, token)| token.as_str()).collect();
    let presence = session.presence;
    let parameters: [Parameter<'_>; 7] = [
        (now, Type::TIMESTAMP),
        (&presence, Type::INT4),
        (&uuids, Type::UUID_ARRAY),
        (&paused, Type::BOOL_ARRAY),
        (&ids, Type::INT8_ARRAY),
        (&tokens, Type::TEXT_ARRAY),
        (&limits, Type::INT8_ARRAY),
    ];
    let rows = session.query("the beat", &sql.beat, &parameters).await?;
    // An answer that cannot be read must not look like one that finds nothing amiss.
    let row = rows.first().ok_or_else(|| unreadable("the beat"))?;
    let dead: Vec<Uuid> = row.try_get(0).map_err(|_| unreadable("the beat"))?;
    let claims = |column: usize| -> Result<Vec<(JobId, ClaimToken)>> {
        let places: Vec<i64> = row.try_get(column).map_err(|_| unreadable("the beat"))?;
        let places = places.into_iter().filter_map(|place| usize::try_from(place - 1).ok());
        Ok(places.filter_map(|place| running.get(place).copied()).collect())
    };
    let (gone, freed) = (claims(1)?, claims(2)?);
    let has_operation = row.try_get(3).map_err(|_| unreadable("the beat"))?;
    neighbours::show(session, call, &uuids).await;
    Ok(Pulse { dead, gone, freed, has_operation })
}

async fn look(session: &mut Session, Call { sql, now, .. }: &Call<()>) -> Result<Look> {
    let silent = i64::try_from(SILENT.as_micros()).unwrap_or(i64::MAX);
    let class = i64::from(PRESENCE);
    let parameters: [Parameter<'_>; 3] =
        [(now, Type::TIMESTAMP), (&class, Type::INT8), (&silent, Type::INT8)];
    let rows = session.query("the look", &sql.look, &parameters).await?;
    let doubtful = rows.iter().map(|row| {
        let presence: String = row.try_get(1)?;
        let silent: i64 = row.try_get(2)?;
        Ok(Sighting {
            producer: row.try_get(0)?,
            presence: match presence.as_str() {
                "here" => Presence::Here,
                "away" => Presence::Away,
                _ => Presence::Unknown,
            },
            silent: Duration::from_micros(silent.unsigned_abs()),
            mark: row.try_get(3)?,
        })
    });
    let doubtful = doubtful.collect::<Result<Vec<Sighting>, tokio_postgres::Error>>();
    let doubtful = doubtful.map_err(|_| unreadable("the look"))?;
    Ok(Look { session: session.age(), doubtful })
}

async fn rescue(session: &mut Session, call: &Call<(Vec<Sighting>, u32)>) -> Result<Rescue> {
    let (dead, _) = &call.input;
    if dead.is_empty() {
        return Ok(Rescue { removed: Vec::new(), jobs: free(session, call).await? });
    }
    // Two statements: what the dead claimed until they were removed must be seen by the second.
    let verb: Verb<Call<(Vec<Sighting>, u32)>, Rescue> = |session, call| {
        Box::pin(async move {
            let removed = bury(session, call).await?;
            Ok(Rescue { removed, jobs: free(session, call).await? })
        })
    };
    session.transaction("the rescue", call, verb).await
}

/// Removes dead producers, each only if it has not stirred since it was looked at.
async fn bury(
    session: &mut Session,
    Call { sql, input: (dead, _), .. }: &Call<(Vec<Sighting>, u32)>,
) -> Result<Vec<Uuid>> {
    let uuids: Vec<Uuid> = dead.iter().map(|sighting| sighting.producer).collect();
    let marks: Vec<i64> = dead.iter().map(|sighting| sighting.mark).collect();
    let parameters: [Parameter<'_>; 2] = [(&uuids, Type::UUID_ARRAY), (&marks, Type::INT8_ARRAY)];
    let rows = session.query("the rescue", &sql.bury, &parameters).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// Frees the jobs of ours that no living producer owns.
async fn free(
    session: &mut Session,
    Call { sql, now, input: (_, limit) }: &Call<(Vec<Sighting>, u32)>,
) -> Result<Vec<(JobId, String, State)>> {
    let limit = i64::from((*limit).min(MOST_FREED));
    let parameters: [Parameter<'_>; 2] = [(now, Type::TIMESTAMP), (&limit, Type::INT8)];
    let rows = session.query("the rescue", &sql.rescue, &parameters).await?;
    let jobs = rows.iter().map(|row| {
        let state: String = row.try_get(2).ok()?;
        Some((row.try_get(0).ok()?, row.try_get(1).ok()?, state.parse().ok()?))
    });
    let mut jobs: Vec<(JobId, String, State)> = jobs.flatten().collect();
    jobs.sort_by_key(|(id, _, _)| *id);
    Ok(jobs)
}

/// Removes producers; gives back those that stay, because they still run something.
async fn retire(session: &mut Session, call: &Call<Vec<Uuid>>) -> Result<BTreeSet<Uuid>> {
    let Call { sql, input: producers, .. } = call;
    let parameters: [Parameter<'_>; 1] = [(producers, Type::UUID_ARRAY)];
    let rows = session.query("the retirement", &sql.retire, &parameters).await?;
    neighbours::hide(session, call, producers).await;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

fn unreadable(what: &str) -> Error {
    Error::new(Kind::Database, format!("the answer to {what} cannot be read"))
}
