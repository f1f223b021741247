//! The traits of `kerrera_core::storage`, one verb after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kerrera_core::audit::{AuditEntry, AuditQuery, AuditRecord};
use kerrera_core::bulk_operation::BulkOperation;
use kerrera_core::cron::CronEntry;
use kerrera_core::directory::{Connections, KnownNode, KnownWorker, NodeCard, WorkerCard};
use kerrera_core::executor::{Dialect, InsertPlan};
use kerrera_core::listing::{Scan, Scanned};
use kerrera_core::metrics::{Gauge, MetricRow};
use kerrera_core::storage::{
    Ack, Acked, Answer, Audit, Batch, Beat, BulkOperations, Candidate, Claim, ClaimMark, Command,
    Count, CronFiring, CronSlot, Crons, Crontab, Directory, Enrolled, ErrorGroup, ErrorQuery,
    ErrorTally, Errors, FiredSlot, Hint, Inserted, Jobs, Leader, Lease, Listener, Liveness, Look,
    Maintenance, Managed, MetricRange, MetricRows, Metrics, Neighbours, NewOperation,
    OperationLease, OperationStep, Operations, Order, Orders, OtherNodes, Pack, Packed, Pending,
    Producer, Prune, Pruned, Pulse, Queues, Reading, Rehearsal, Reindex, Reindexed, Report, Rescue,
    Seat, Sighting, Signal, Signals, Staged, Storage, Swept, Tidying, Updated,
};
use kerrera_core::tally::{OldestJob, QueueTally, Tally, WorkerTally};
use kerrera_core::{
    Clock, Fingerprint, Job, JobId, Result, State, Timestamp, Uuid, ValidChange, ValidJob,
    ValidQuery,
};
use rusqlite::Connection;

use crate::options::Place;
use crate::sqlite::{Ear, Sqlite};
use crate::writer::now;
use crate::{
    ack, audit, bulk_operations, claim, crons, directory, errors, insert, liveness, maintenance,
    metrics, operations, query, queues, reading, rehearsal, row, stage, unique,
};

impl Storage for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn location(&self) -> String {
        format!("sqlite:{}", self.place())
    }
}

impl Jobs for Sqlite {
    fn insert(&self, jobs: Vec<ValidJob>) -> Pending<'_, Vec<Inserted>> {
        Box::pin(
            self.write("insert jobs", move |connection, now| insert::insert(connection, now, jobs)),
        )
    }

    fn plan_insert(&self, jobs: &[ValidJob], _quiet: bool) -> Result<InsertPlan> {
        // The commit itself is what others hear of.
        unique::plan(self.clock().shows(), jobs)
    }

    fn claim(&self, claim: Claim) -> Pending<'_, Vec<Job>> {
        Box::pin(async move {
            let wish = claim.clone();
            let claiming =
                move |connection: &Connection, now| Ok(claim::claim(connection, now, &wish)?);
            let jobs = self.write("claim jobs", claiming).await?;
            Ok(claim::signed(jobs, &claim))
        })
    }

    fn ack(&self, acks: Vec<Ack>) -> Pending<'_, Vec<Acked>> {
        Box::pin(
            self.write("write how runs ended", move |connection, now| {
                ack::ack(connection, now, &acks)
            }),
        )
    }

    fn report(&self, reports: Vec<Report>) -> Pending<'_, Vec<JobId>> {
        Box::pin(self.write("write how far runs are", move |connection, now| {
            Ok(operations::report(connection, now, &reports)?)
        }))
    }

    fn sweep_claims(&self, after: Option<ClaimMark>, limit: u32) -> Pending<'_, Swept> {
        Box::pin(self.write("forget claims", move |connection, _| {
            Ok(unique::sweep(connection, after, limit)?)
        }))
    }

    fn stage(&self, limit: u32, watched: Vec<Arc<str>>) -> Pending<'_, Staged> {
        Box::pin(self.write("stage jobs", move |connection, now| {
            Ok(stage::stage(connection, now, limit, &watched)?)
        }))
    }
}

impl Crons for Sqlite {
    fn declare_crons(&self, entries: Vec<CronEntry>) -> Pending<'_, ()> {
        Box::pin(async move {
            self.write("write cron entries", move |connection, now| {
                crons::declare(connection, now, &entries)
            })
            .await?;
            self.tell(Hint::Crontab);
            Ok(())
        })
    }

    fn crontab(&self, names: Option<Vec<String>>) -> Pending<'_, Crontab> {
        let clock = self.clock().clone();
        Box::pin(self.read("read the crontab", move |connection| {
            crons::crontab(connection, now(&clock), names.as_deref())
        }))
    }

    fn fire_cron(&self, firing: CronFiring) -> Pending<'_, Option<Vec<FiredSlot>>> {
        Box::pin(self.write("fire a cron entry", move |connection, now| {
            crons::fire(connection, now, &firing)
        }))
    }

    fn pause_cron(&self, name: String, paused: bool) -> Pending<'_, bool> {
        Box::pin(async move {
            let pause = move |connection: &Connection, now| {
                Ok(crons::pause(connection, now, &name, paused)?)
            };
            let found = self.write("pause a cron entry", pause).await?;
            self.tell(Hint::Crontab);
            Ok(found)
        })
    }

    fn edit_cron(&self, entry: CronEntry) -> Pending<'_, bool> {
        Box::pin(async move {
            let edit = move |connection: &Connection, now| crons::edit(connection, now, &entry);
            let found = self.write("edit a cron entry", edit).await?;
            self.tell(Hint::Crontab);
            Ok(found)
        })
    }

    fn add_cron(&self, entry: CronEntry) -> Pending<'_, bool> {
        Box::pin(async move {
            let add = move |connection: &Connection, now| crons::add(connection, now, &entry);
            let is_new = self.write("add a cron entry", add).await?;
            self.tell(Hint::Crontab);
            Ok(is_new)
        })
    }

    fn cron_slots(
        &self,
        name: String,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Pending<'_, Vec<CronSlot>> {
        Box::pin(self.read("read the slots of a cron entry", move |connection| {
            crons::slots(connection, &name, before, limit)
        }))
    }

    fn remove_cron(&self, name: String) -> Pending<'_, bool> {
        Box::pin(async move {
            let remove = move |connection: &Connection, _| Ok(crons::remove(connection, &name)?);
            let found = self.write("remove a cron entry", remove).await?;
            self.tell(Hint::Crontab);
            Ok(found)
        })
    }

    fn other_nodes(&self, ours: Vec<Uuid>, _since: Timestamp) -> Pending<'_, OtherNodes> {
        let presence = self.presence();
        Box::pin(self.read("look for other nodes", move |connection| {
            crons::other_nodes(connection, &presence, &ours)
        }))
    }
}

impl Liveness for Sqlite {
    fn silence_is_death(&self) -> bool {
        // The lock of a process that is merely stopped is still held.
        false
    }

    fn enroll(&self, producers: Vec<Producer>) -> Pending<'_, ()> {
        let presence = self.presence();
        Box::pin(self.write("enroll producers", move |connection, now| {
            liveness::enroll(connection, now, &presence, &producers)
        }))
    }

    fn beat(&self, beats: Vec<Beat>) -> Pending<'_, Pulse> {
        Box::pin(async move {
            let ask = move |connection: &Connection| {
                Ok((liveness::beat(connection, &beats)?, liveness::outdated(connection, &beats)?))
            };
            let (pulse, outdated) = self.read("ask what still runs", ask).await?;
            if !outdated.is_empty() {
                self.write("tell of producers", move |connection, _| {
                    Ok(liveness::update(connection, &outdated)?)
                })
                .await?;
            }
            Ok(pulse)
        })
    }

    fn look(&self) -> Pending<'_, Look> {
        let presence = self.presence();
        Box::pin(self.read("look for dead processes", move |connection| {
            liveness::look(connection, &presence)
        }))
    }

    fn rescue(&self, dead: Vec<Sighting>, limit: u32) -> Pending<'_, Rescue> {
        let presence = self.presence();
        Box::pin(self.write("rescue jobs", move |connection, now| {
            Ok(liveness::rescue(connection, now, &presence, &dead, limit)?)
        }))
    }

    fn retire(&self, producers: Vec<Uuid>) -> Pending<'_, ()> {
        let presence = self.presence();
        Box::pin(self.write("retire producers", move |connection, _| {
            Ok(liveness::retire(connection, &presence, &producers)?)
        }))
    }
}

impl Maintenance for Sqlite {
    fn lead(&self, candidate: Candidate, held: Option<i64>) -> Pending<'_, Lease> {
        let (presence, clock) = (self.presence(), self.clock().clone());
        Box::pin(async move {
            // First, so that nobody takes the seat of one who cannot be seen.
            presence.show()?;
            let (asking, asked) = (presence.clone(), candidate.clone());
            let ask = move |connection: &_| {
                maintenance::ask(connection, now(&clock), &asking, &asked, held)
            };
            if let Some(lease) = self.read("ask who leads", ask).await? {
                return Ok(lease);
            }
            self.write("take the lead", move |connection, now| {
                Ok(maintenance::lead(connection, now, &presence, &candidate, held)?)
            })
            .await
        })
    }

    fn resign(&self, seat: Seat) -> Pending<'_, ()> {
        Box::pin(self.write("resign", move |connection, now| {
            Ok(maintenance::resign(connection, now, &seat)?)
        }))
    }

    fn leader(&self, seat: Arc<str>) -> Pending<'_, Option<Leader>> {
        let (presence, clock) = (self.presence(), self.clock().clone());
        Box::pin(self.read("ask who leads", move |connection| {
            maintenance::leader(connection, now(&clock), &presence, &seat)
        }))
    }

    fn prune(&self, prune: Prune) -> Pending<'_, Pruned> {
        let clock = self.clock().clone();
        Box::pin(async move {
            let asked = prune.clone();
            let look = move |connection: &_| maintenance::old(connection, now(&clock), &asked);
            let (pruned, old) = self.read("look for old jobs", look).await?;
            if old.is_empty() {
                return Ok(pruned);
            }
            self.write("prune jobs", move |connection, now| {
                Ok(maintenance::prune(connection, now, &prune)?)
            })
            .await
        })
    }

    fn rescue_foreign(
        &self,
        seat: Seat,
        after: Duration,
        limit: u32,
    ) -> Pending<'_, Vec<(JobId, String, State)>> {
        Box::pin(self.write("rescue foreign jobs", move |connection, now| {
            Ok(maintenance::rescue_foreign(connection, now, &seat, after, limit)?)
        }))
    }

    fn reindex(&self, _reindex: Reindex) -> Pending<'_, Reindexed> {
        let idle = Some("SQLite keeps its indexes in shape by itself");
        Box::pin(std::future::ready(Ok(Reindexed { idle, ..Reindexed::default() })))
    }
}

/// A file of ours has no neighbours.
impl Neighbours for Sqlite {}

impl Signals for Sqlite {
    fn notify(&self, queues: Vec<Arc<str>>) -> Pending<'_, ()> {
        for queue in queues {
            self.tell(Hint::Work(queue.to_string()));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn stop_jobs(&self, ids: Vec<JobId>) -> Pending<'_, ()> {
        // Other processes see that the file has changed, and ask what of theirs still runs.
        for id in ids {
            self.tell(Hint::Stop(id));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn listen(&self) -> Pending<'_, Box<dyn Listener>> {
        Box::pin(async {
            let (told, place) = (self.told().subscribe(), self.place().clone());
            let changes = self.writer().listen().await?;
            let ear: Box<dyn Listener> = Box::new(Ear { changes, told, place });
            Ok(ear)
        })
    }
}

impl Queues for Sqlite {
    fn order(&self, order: Order) -> Pending<'_, ()> {
        Box::pin(async move {
            order.check()?;
            self.write("steer queues", move |connection, now| {
                Ok(queues::order(connection, now, &order)?)
            })
            .await?;
            self.tell(Hint::Ordered);
            Ok(())
        })
    }

    fn record(&self, signal: Signal, node: Option<Arc<str>>, seen: i64) -> Pending<'_, ()> {
        Box::pin(self.write("record a signal", move |connection, now| {
            Ok(queues::record(connection, now, &signal, node.as_ref(), seen)?)
        }))
    }

    fn end_orders(&self, _instance: Arc<str>) -> Pending<'_, ()> {
        Box::pin(self.write("end orders", move |connection, now| Ok(queues::end(connection, now)?)))
    }

    fn orders(&self) -> Pending<'_, Orders> {
        let clock = self.clock().clone();
        Box::pin(self.read("read the orders for queues", move |connection| {
            queues::orders(connection, now(&clock))
        }))
    }

    fn producers(&self) -> Pending<'_, Vec<Enrolled>> {
        Box::pin(self.read("list the producers", queues::producers))
    }
}

impl Listener for Ear {
    fn next(&mut self) -> Pending<'_, Hint> {
        Box::pin(Ear::next(self))
    }
}

impl Operations for Sqlite {
    fn open(&self, migrate: bool) -> Pending<'_, ()> {
        Box::pin(self.writer().open(migrate))
    }

    fn job(&self, id: JobId) -> Pending<'_, Option<Job>> {
        Box::pin(self.read("read a job", move |connection| operations::job(connection, id)))
    }

    fn jobs(&self, query: ValidQuery) -> Pending<'_, Vec<Job>> {
        let clock = self.clock().clone();
        Box::pin(
            self.read("look for jobs", move |connection| {
                query::jobs(connection, &query, now(&clock))
            }),
        )
    }

    fn count(&self, query: ValidQuery) -> Pending<'_, u64> {
        let clock = self.clock().clone();
        Box::pin(
            self.read("count jobs", move |connection| {
                query::count(connection, &query, now(&clock))
            }),
        )
    }

    fn manage(&self, batch: Batch) -> Pending<'_, Vec<Managed>> {
        Box::pin(operations::manage(self, batch, None))
    }

    fn update(&self, id: JobId, change: ValidChange) -> Pending<'_, Updated> {
        Box::pin(self.write("change a job", move |connection, now| {
            operations::update(connection, now, id, &change)
        }))
    }

    fn update_seen(&self, seen: Box<Job>, change: ValidChange) -> Pending<'_, Option<Updated>> {
        Box::pin(self.write("change a job", move |connection, now| {
            operations::update_seen(connection, now, &seen, &change)
        }))
    }

    fn counts(&self) -> Pending<'_, Vec<Count>> {
        Box::pin(self.read("count jobs", |connection| {
            let mut statement = connection.prepare_cached(include_str!("sql/counts.sql"))?;
            let counts = statement.query_map([], |row| {
                let (queue, jobs): (String, i64) = (row.get(0)?, row.get(2)?);
                let state = row::state(row.get_ref(1)?.as_str()?);
                Ok(Count::new(queue, state, jobs.unsigned_abs()))
            })?;
            counts.collect()
        }))
    }
}

impl Reading for Sqlite {
    fn scan(&self, scan: Scan, within: Duration) -> Pending<'_, Scanned> {
        let clock = self.clock().clone();
        let question = move |connection: &Connection| reading::scan(connection, &scan, now(&clock));
        Box::pin(self.read_within("list jobs", within, question))
    }

    fn tally(&self, query: ValidQuery, most: u32, within: Duration) -> Pending<'_, Tally> {
        Box::pin(async move {
            let (asked, now) = (query.clone(), now(self.clock()));
            let counting =
                move |connection: &Connection| reading::tally(connection, &asked, most, now);
            match self.read_within("count jobs", within / 4, counting).await {
                Err(error) if error.is_timeout() => {}
                counted => return counted,
            }
            let estimating =
                move |connection: &Connection| reading::estimate(connection, &query, now);
            self.read_within("estimate how many jobs there are", within, estimating).await
        })
    }

    fn tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<QueueTally>> {
        let question = move |connection: &Connection| reading::tallies(connection, most);
        Box::pin(self.read_within("count the jobs", within, question))
    }

    fn worker_tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<WorkerTally>> {
        let question = move |connection: &Connection| reading::worker_tallies(connection, most);
        Box::pin(self.read_within("count the jobs of workers", within, question))
    }

    fn is_writable(&self, within: Duration) -> Pending<'_, bool> {
        if self.is_read_only() || *self.place() == Place::Memory {
            return Box::pin(std::future::ready(Ok(!self.is_read_only())));
        }
        let question = |connection: &Connection| Ok(!connection.is_readonly("main")?);
        Box::pin(self.read_within("ask whether it can be written", within, question))
    }

    fn oldest(&self, within: Duration) -> Pending<'_, Vec<OldestJob>> {
        let clock = self.clock().clone();
        let question = move |connection: &Connection| reading::oldest(connection, now(&clock));
        Box::pin(self.read_within("look for the oldest jobs", within, question))
    }
}

impl Audit for Sqlite {
    fn act(&self, command: Command, entry: AuditEntry) -> Pending<'_, Answer> {
        Box::pin(async move {
            let hint = match &command {
                Command::Order(order) => {
                    order.check()?;
                    Some(Hint::Ordered)
                }
                Command::AddCron(_)
                | Command::PauseCron(..)
                | Command::EditCron(_)
                | Command::RemoveCron(_) => Some(Hint::Crontab),
                _ => None,
            };
            let answer = match command {
                Command::Manage(batch) => {
                    Answer::Managed(operations::manage(self, batch, Some(entry)).await?)
                }
                command => {
                    let act = move |connection: &Connection, now| {
                        audit::act(connection, now, command, entry)
                    };
                    self.write("act", act).await?
                }
            };
            if let Some(hint) = hint {
                self.tell(hint);
            }
            Ok(answer)
        })
    }

    fn record_audit(&self, entry: AuditEntry) -> Pending<'_, ()> {
        Box::pin(self.write("write the audit log", move |connection, now| {
            Ok(audit::write(connection, now, &entry.sanitised())?)
        }))
    }

    fn audit(&self, query: AuditQuery) -> Pending<'_, Vec<AuditRecord>> {
        Box::pin(async move {
            let query = query.validate()?;
            self.read("read the audit log", move |connection| audit::read(connection, &query)).await
        })
    }

    fn prune_audit(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(self.write("prune the audit log", move |connection, now| {
            Ok(audit::prune(connection, now, &seat, age, limit)?)
        }))
    }
}

impl Metrics for Sqlite {
    fn write_metrics(&self, rows: Vec<MetricRow>) -> Pending<'_, Timestamp> {
        let clock = self.clock().clone();
        Box::pin(async move {
            if !rows.is_empty() {
                let write =
                    move |connection: &Connection, _| Ok(metrics::write(connection, &rows)?);
                self.write("write metrics", write).await?;
            }
            Ok(now(&clock))
        })
    }

    fn read_metrics(&self, range: MetricRange, within: Duration) -> Pending<'_, MetricRows> {
        let clock = self.clock().clone();
        let question =
            move |connection: &Connection| metrics::read(connection, now(&clock), &range);
        Box::pin(self.read_within("read metrics", within, question))
    }

    fn gauge_queues(&self, most: u32, within: Duration) -> Pending<'_, BTreeMap<String, Gauge>> {
        let clock = self.clock().clone();
        let question = move |connection: &Connection| metrics::gauge(connection, now(&clock), most);
        Box::pin(self.read_within("look at the queues", within, question))
    }

    fn pack_metrics(&self, pack: Pack) -> Pending<'_, Packed> {
        Box::pin(self.write("pack metrics", move |connection, now| {
            Ok(metrics::pack(connection, now, &pack)?)
        }))
    }
}

impl Errors for Sqlite {
    fn note_errors(&self, tallies: Vec<ErrorTally>) -> Pending<'_, ()> {
        Box::pin(self.write("count failures", move |connection, now| {
            Ok(errors::note(connection, now, &tallies)?)
        }))
    }

    fn errors(&self, query: ErrorQuery) -> Pending<'_, Vec<ErrorGroup>> {
        let clock = self.clock().clone();
        Box::pin(async move {
            let query = query.validate()?;
            let read =
                move |connection: &Connection| errors::groups(connection, now(&clock), &query);
            self.read("read the groups of failures", read).await
        })
    }

    fn error_counts(
        &self,
        fingerprints: Vec<Fingerprint>,
        window: Duration,
    ) -> Pending<'_, Vec<(Fingerprint, Timestamp, u64)>> {
        let clock = self.clock().clone();
        Box::pin(self.read("read how many failures there were", move |connection| {
            errors::counts(connection, now(&clock), &fingerprints, window)
        }))
    }

    fn prune_errors(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(self.write("prune the groups of failures", move |connection, now| {
            Ok(errors::prune(connection, now, &seat, age, limit)?)
        }))
    }
}

impl Directory for Sqlite {
    fn declare_workers(&self, node: Arc<str>, cards: Vec<WorkerCard>) -> Pending<'_, ()> {
        Box::pin(self.write("declare workers", move |connection, now| {
            Ok(directory::declare_workers(connection, now, &node, &cards)?)
        }))
    }

    fn known_workers(&self) -> Pending<'_, Vec<KnownWorker>> {
        let (presence, clock) = (self.presence(), self.clock().clone());
        Box::pin(self.read("list the workers", move |connection| {
            directory::known_workers(connection, now(&clock), &presence)
        }))
    }

    fn announce(&self, process: Uuid, card: NodeCard) -> Pending<'_, ()> {
        let presence = self.presence();
        Box::pin(self.write("announce a node", move |connection, now| {
            directory::announce(connection, now, &presence, process, &card)
        }))
    }

    fn depart(&self, process: Uuid, workers: Vec<String>) -> Pending<'_, ()> {
        Box::pin(self.write("remove a node", move |connection, now| {
            Ok(directory::depart(connection, now, process, &workers)?)
        }))
    }

    fn known_nodes(&self) -> Pending<'_, Vec<KnownNode>> {
        let (presence, clock) = (self.presence(), self.clock().clone());
        Box::pin(self.read("list the nodes", move |connection| {
            directory::known_nodes(connection, now(&clock), &presence)
        }))
    }

    fn tidy_directory(&self, tidying: Tidying) -> Pending<'_, ()> {
        Box::pin(self.write("forget nodes and workers", move |connection, now| {
            Ok(directory::tidy(connection, now, &tidying)?)
        }))
    }

    fn connections(&self) -> Vec<Connections> {
        Sqlite::connections(self)
    }
}

impl BulkOperations for Sqlite {
    fn create_operation(
        &self,
        new: NewOperation,
        entry: Option<AuditEntry>,
    ) -> Pending<'_, BulkOperation> {
        Box::pin(self.write("write an operation down", move |connection, now| {
            bulk_operations::create(connection, now, &new, entry)
        }))
    }

    fn operations(&self, before: Option<i64>, limit: u32) -> Pending<'_, Vec<BulkOperation>> {
        Box::pin(self.read("read the operations", move |connection| {
            bulk_operations::list(connection, before, limit)
        }))
    }

    fn operation(&self, id: i64) -> Pending<'_, Option<BulkOperation>> {
        Box::pin(async move {
            let read = move |connection: &Connection| bulk_operations::one(connection, id);
            self.read("read an operation", read).await?.transpose()
        })
    }

    fn cancel_operation(&self, id: i64, entry: Option<AuditEntry>) -> Pending<'_, bool> {
        Box::pin(self.write("stop an operation", move |connection, now| {
            Ok(bulk_operations::cancel(connection, now, id, entry)?)
        }))
    }

    fn lease_operation(&self, lease: OperationLease) -> Pending<'_, Option<BulkOperation>> {
        let clock = self.clock().clone();
        Box::pin(async move {
            let asked = lease.clone();
            let ask = move |connection: &Connection| {
                bulk_operations::open(connection, now(&clock), &asked)
            };
            // Mostly there is none, and nothing has to be written.
            if self.read("look for operations", ask).await?.is_none() {
                return Ok(None);
            }
            self.write("take an operation", move |connection, now| {
                Ok(bulk_operations::lease(connection, now, &lease)?)
            })
            .await
        })
    }

    fn step_operation(&self, step: OperationStep) -> Pending<'_, Option<Vec<Managed>>> {
        Box::pin(self.write("go on with an operation", move |connection, now| {
            Ok(bulk_operations::step(connection, now, &step)?)
        }))
    }

    fn prune_operations(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(self.write("prune the operations", move |connection, now| {
            Ok(bulk_operations::prune(connection, now, &seat, age, limit)?)
        }))
    }
}

impl Rehearsal for Sqlite {
    fn clock(&self) -> Clock {
        Sqlite::clock(self).clone()
    }

    fn bring_forward(&self, queue: Arc<str>, until: Option<Timestamp>) -> Pending<'_, u64> {
        Box::pin(self.write("bring jobs forward", move |connection, _| {
            Ok(rehearsal::bring_forward(connection, &queue, until)?)
        }))
    }
}
