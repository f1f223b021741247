//! The suite that every storage must pass.
//!
//! Each case is a function that takes a [`Fixture`]: a storage on a fresh database, with a clock
//! that stands still until the case moves it. [`conformance_tests!`](crate::conformance_tests) makes
//! a test of each, so that every behaviour has its own line in the report:
//!
//! ```text
//! async fn fixture() -> Fixture { … }
//! kerrera_core::conformance_tests!(crate::fixture);
//! ```
//!
//! The cases know no SQL but the few statements that both dialects understand; with them they make
//! what no call of a storage makes, such as a row that another program left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "these are tests: a panic is how they fail, and a case's name is its documentation"
)]

pub mod ack;
pub mod audit;
pub mod bulk_operations;
pub mod claim;
pub mod crons;
pub mod crons_of_many;
pub mod death;
pub mod differential;
pub mod directory;
pub mod errors;
pub mod filter;
mod fixture;
pub mod insert;
pub mod listing;
pub mod liveness;
pub mod maintenance;
pub mod manage;
pub mod metrics;
pub mod operations;
pub mod query;
pub mod queues;
pub mod rehearsal;
pub mod stage;
pub mod unique;
pub mod within;

pub use fixture::Fixture;

/// Makes a `#[tokio::test]` of every case of the suite.
///
/// Takes the absolute path of an `async fn() -> Fixture`; the crate needs `tokio` with `macros` and
/// `rt`. With `alone:` before the path, the cases that need a second process on the same database
/// are left out.
#[macro_export]
macro_rules! conformance_tests {
    (alone: $fixture:path) => {
        $crate::conformance_tests! { @group $fixture, insert:
            gives_back_full_rows_in_order
            gives_every_job_its_own_number
            a_job_without_a_time_is_available_now
            a_job_with_a_time_is_scheduled_even_in_the_past
            an_unusual_wait_is_kept_to_the_microsecond
            an_empty_list_inserts_nothing
            a_thousand_jobs_are_inserted_at_once
            all_or_none_are_inserted
            hostile_text_comes_back_as_it_was
            numbers_come_back_as_they_were
            names_of_127_characters_fit
            deep_json_comes_back_as_it_was
            concurrent_inserts_lose_nothing
            a_load_stores_what_an_insertion_would
            jobs_that_differ_only_in_args_are_stored_as_any_others
            a_load_counts_the_unique_jobs_that_are_new
        }
        $crate::conformance_tests! { @group $fixture, claim:
            takes_by_priority_then_time_then_number
            takes_at_most_as_many_as_asked
            takes_nothing_of_another_queue
            takes_only_available_jobs
            writes_who_took_it_and_begins_an_attempt
            leaves_excluded_workers_alone
            a_floor_hides_nothing_behind_it
            gives_nothing_to_an_unknown_producer
            gives_no_job_to_two_producers
            an_exhausted_row_neither_runs_nor_is_in_the_way
            a_row_of_an_unusual_form_is_claimed_like_any
        }
        $crate::conformance_tests! { @group $fixture, ack:
            writes_what_is_decided_for_every_outcome
            the_last_attempt_that_fails_is_discarded
            a_snooze_gives_the_attempt_back_and_is_counted
            a_failure_is_appended_with_its_particulars
            only_the_newest_errors_are_kept
            meta_keys_are_set_and_the_others_kept
            the_longest_wait_fits_the_calendar
            a_second_ack_was_already_written
            an_ack_under_another_token_is_lost
            an_ack_of_no_row_is_lost
            a_row_that_is_claimed_again_is_lost_to_the_first_claim
            one_bad_ack_does_not_stop_the_others
            answers_come_in_order
            the_first_of_two_acks_of_a_run_in_one_batch_is_written
            each_ack_of_a_batch_is_fenced_by_its_own_token
            follow_ups_are_inserted_exactly_once
            an_ack_that_cannot_be_stored_is_refused_alone
            a_lost_ack_inserts_no_follow_up
            an_ack_of_a_cancelled_row_appends_its_error_once
            a_run_that_gives_up_after_it_was_cancelled_keeps_its_reason
            a_released_job_can_be_claimed_again
        }
        $crate::conformance_tests! { @group $fixture, audit:
            what_is_done_and_what_is_told_are_written_together
            what_cannot_be_told_is_not_done
            what_is_not_done_is_not_told
            many_jobs_are_told_by_their_count
            entries_are_kept_with_their_particulars
            entries_are_found_by_what_they_are_about
            old_entries_are_removed_by_the_leader
        }
        $crate::conformance_tests! { @group $fixture, errors:
            failures_are_counted_in_their_groups
            groups_are_found_by_time_by_number_and_by_worker
            counts_from_many_sides_are_added_up
            a_job_is_found_by_its_last_failure
            a_run_that_was_cancelled_keeps_its_fingerprint
            groups_without_news_are_forgotten_by_the_leader
        }
        $crate::conformance_tests! { @group $fixture, bulk_operations:
            an_operation_is_kept_with_its_particulars
            an_operation_is_held_by_one_until_its_time_is_over
            a_beat_says_whether_an_operation_waits
            a_step_is_done_by_its_holder_once
            each_action_does_what_it_says
            an_operation_that_was_stopped_does_nothing_more
            an_operation_that_cannot_be_told_is_neither_begun_nor_ended
            an_operation_of_a_newer_version_is_not_half_understood
            old_operations_are_removed_by_the_leader
        }
        $crate::conformance_tests! { @group $fixture, stage:
            due_jobs_become_available_and_no_others
            nothing_but_the_state_changes
            the_oldest_are_staged_first
            at_most_the_limit_is_staged
            says_which_watched_queues_have_work
            a_queue_of_exhausted_rows_has_no_work
        }
        $crate::conformance_tests! { @group $fixture, crons:
            a_slot_is_fired_once_and_its_job_is_marked
            nothing_is_fired_before_its_time
            slots_begin_when_their_entry_is_first_written
            firings_at_once_insert_one_job
            a_restart_fires_nothing_again
            missed_slots_are_made_up_for_as_their_entry_says
            a_clock_that_is_put_back_fires_nothing_again
            a_clock_that_is_put_forward_fires_what_it_skipped_as_missed
            a_beginning_in_the_future_is_brought_back
            a_slot_that_would_overlap_is_left_out
            the_newest_definition_fires
            an_edited_entry_begins_anew_and_stays_edited
            a_paused_entry_waits_and_then_begins_anew
            a_job_by_hand_takes_no_slot
            a_removed_entry_is_gone
            an_entry_that_cannot_be_read_is_set_aside
            an_added_entry_is_there_until_it_is_removed
            slots_are_read_from_the_newest_on
            a_slot_whose_job_is_refused_is_not_taken
            old_slots_are_forgotten_and_never_fired_again
            a_reboot_is_fired_once_among_living_nodes
            slots_follow_the_time_zone_of_their_entry
            other_nodes_are_told_apart
        }
        $crate::conformance_tests! { @group $fixture, directory:
            a_worker_is_known_as_it_was_declared_last
            a_node_is_known_as_it_said_last
            silence_is_told_where_it_tells_anything
            a_node_that_goes_is_known_no_more_and_its_workers_are
            what_is_not_seen_for_long_is_forgotten
            a_storage_tells_of_its_connections
        }
        $crate::conformance_tests! { @group $fixture, liveness:
            a_beat_of_a_living_producer_finds_nothing_amiss
            a_beat_names_the_jobs_that_are_gone
            a_beat_of_an_unknown_producer_says_that_it_is_dead
            a_retired_producer_is_known_no_more
            a_producer_that_retires_in_mid_job_keeps_its_claim
            a_rescue_leaves_the_living_alone
            a_rescue_frees_the_jobs_that_nobody_owns
            a_rescue_discards_what_has_no_attempt_left
            a_rescue_leaves_the_rows_of_other_implementations_alone
            a_rescue_frees_at_most_its_limit
            a_late_ack_after_a_rescue_is_lost
            a_late_failure_of_a_discarded_orphan_is_lost
        }
        $crate::conformance_tests! { @group $fixture, filter:
            names_and_numbers_are_filtered
            what_is_in_args_and_meta_is_filtered
            errors_marks_and_lengths_of_time_are_filtered
        }
        $crate::conformance_tests! { @group $fixture, listing:
            a_row_shows_what_fits_into_a_line
            pages_meet_every_job_once_in_both_directions
            a_page_keeps_its_place_while_jobs_come_and_go
            conditions_without_an_index_are_looked_for_in_steps
            conditions_of_an_index_are_no_search
            conditions_are_turned_round_and_put_together
            tallies_are_by_queue_and_state
            a_tally_says_whether_it_was_capped
            jobs_that_wait_and_run_are_counted_by_worker
            the_oldest_available_job_of_each_queue_is_told
            a_database_says_whether_it_can_be_written
            a_run_that_ends_moves_from_one_list_to_the_other
        }
        $crate::conformance_tests! { @group $fixture, maintenance:
            a_free_seat_is_taken_under_the_first_term
            a_seat_is_kept_for_as_long_as_its_holder_renews
            a_seat_whose_time_is_over_is_taken_under_the_next_term
            a_holder_that_does_not_know_it_takes_its_seat_anew
            two_nodes_of_one_name_are_two_candidates
            a_seat_that_was_given_up_is_free_at_once
            seats_are_independent_of_each_other
            many_candidates_make_one_leader
            only_what_ended_longer_ago_than_the_rule_says_is_pruned
            a_completed_job_ages_from_when_it_completed
            each_state_is_kept_for_its_own_time
            the_first_rule_that_is_about_a_job_counts
            pruning_goes_on_from_where_it_ended
            a_deposed_leader_changes_nothing
            foreign_jobs_are_freed_by_their_age
            at_most_the_limit_of_foreign_jobs_is_freed
            our_own_jobs_are_never_freed_by_their_age
            an_ack_can_write_the_true_start_back
        }
        $crate::conformance_tests! { @group $fixture, metrics:
            writing_tells_the_time
            a_minute_that_is_written_again_is_replaced
            only_what_is_asked_for_is_read
            packing_changes_no_number
            what_comes_late_is_packed_with_the_rest
            minutes_that_may_still_be_written_are_not_packed
            old_numbers_are_forgotten_tier_by_tier
            a_deposed_leader_packs_nothing
            a_summary_is_by_queue_and_worker
            queues_are_looked_at_with_all_that_they_have
        }
        $crate::conformance_tests! { @group $fixture, operations:
            opening_twice_changes_nothing
            a_job_is_found_by_its_number
            a_number_without_a_job_finds_nothing
            counts_are_by_queue_and_state
        }
        $crate::conformance_tests! { @group $fixture, queues:
            nothing_is_ordered_at_first
            an_order_is_kept_with_its_particulars
            every_action_is_kept_as_what_it_says
            an_order_takes_the_place_of_those_that_it_covers
            a_pause_ends_by_itself
            a_pause_that_ends_by_itself_leaves_the_older_ones
                orders_that_have_ended_are_removed_once_that_is_told
            a_reset_forgets_what_was_ordered
            staging_shows_that_orders_have_changed
            a_signal_is_recorded_by_the_first_that_hears_it
            an_order_that_makes_no_sense_is_refused
            names_and_words_are_kept_as_they_are
            whoever_listens_hears_of_an_order
            producers_are_told_with_their_limit_and_pause
        }
        $crate::conformance_tests! { @group $fixture, query:
            an_empty_query_has_every_job
            every_field_is_asked_alone_and_as_a_list
            tags_are_asked_whole_or_one_by_one
            args_and_meta_are_asked_by_what_they_contain
            hostile_values_are_only_values
            times_are_asked_from_an_instant_up_to_another
            pages_meet_every_job_once_in_any_order
            a_count_goes_no_further_than_its_limit
            rows_of_an_unusual_form_are_found_like_any
        }
        $crate::conformance_tests! { @group $fixture, manage:
            every_state_is_left_as_it_is_decided
            what_ended_before_is_emptied_by_a_retry
            only_what_a_query_has_is_touched
            states_that_do_not_allow_it_are_no_work_at_all
            batches_go_on_where_the_last_one_ended
            a_running_job_that_is_cancelled_names_its_claim
            a_late_end_of_a_cancelled_run_that_was_retried_is_lost
            cancels_and_ends_of_runs_agree_on_one_end
            a_change_writes_what_it_names_and_nothing_else
            a_change_of_no_row_finds_none
            a_change_that_the_job_does_not_allow_changes_nothing
            a_change_of_a_running_job_leaves_its_run_alone
                a_change_of_what_was_seen_is_made_if_it_is_still_so
            reports_are_written_while_the_claim_holds
            reports_survive_a_meta_of_an_unusual_form
        }
        $crate::conformance_tests! { @group $fixture, rehearsal:
            the_clock_is_the_one_that_the_storage_goes_by
            jobs_are_brought_forward_in_one_queue_only
            jobs_are_brought_forward_until_a_time
            a_job_that_is_brought_forward_keeps_its_time_and_its_attempts
        }
        $crate::conformance_tests! { @group $fixture, within:
            a_transaction_inserts_what_an_insertion_would
            a_transaction_keeps_the_order_of_a_thousand_jobs
            a_transaction_that_is_rolled_back_inserts_nothing
            a_transaction_keeps_hostile_text
        }
        $crate::conformance_tests! { @group $fixture, unique:
            the_same_job_is_inserted_once
            only_the_compared_fields_make_a_difference
            only_the_compared_keys_make_a_difference
            jobs_that_lack_the_compared_keys_are_told_apart_by_the_rest
            more_or_fewer_args_make_another_job
            a_job_counts_in_the_states_of_the_rule
            a_job_counts_for_its_period
            a_period_can_count_from_the_time_of_the_job
            a_claim_of_a_job_that_is_gone_is_free
            a_job_that_was_given_the_number_of_another_has_not_its_claim
            the_job_that_waits_again_still_counts
            equal_jobs_of_one_batch_are_inserted_once
            a_batch_goes_by_the_rule_of_each_job
            two_thousand_unique_jobs_are_inserted_at_once
            a_conflict_replaces_what_the_rule_says
            a_default_is_replaced_like_any_value
            a_conflict_replaces_by_the_state_of_the_stored_job
            a_replacement_leaves_room_for_the_attempts_that_were_made
            equal_jobs_of_one_batch_replace_one_after_the_other
            what_follows_from_a_run_is_unique_too
            a_run_can_be_followed_by_its_like
            a_lost_run_claims_nothing
            staging_and_retrying_look_at_no_claim
            a_transaction_finds_what_was_claimed
            a_transaction_replaces_too
            a_transaction_that_is_rolled_back_claims_nothing
            a_sweep_forgets_the_claims_of_jobs_that_are_gone
            of_64_concurrent_insertions_one_is_new
            concurrent_transactions_of_which_many_are_rolled_back_leave_one
            insertions_and_runs_that_end_never_leave_two
        }
    };
    ($fixture:path) => {
        $crate::conformance_tests! { alone: $fixture }
        $crate::conformance_tests! { @group $fixture, death:
            the_jobs_of_a_dead_process_run_again
            a_living_process_is_not_rescued
            a_producer_that_stirred_is_not_removed
            a_process_that_retired_and_died_frees_its_last_job
            two_processes_never_take_the_same_job
            an_insert_of_one_process_is_seen_by_the_other
            an_order_of_one_process_is_heard_by_the_other
            of_64_insertions_of_several_processes_one_is_new
        }
        $crate::conformance_tests! { @group $fixture, crons_of_many:
            nodes_that_fire_at_once_insert_one_job_a_slot
            a_dead_process_is_no_other_node
        }
    };
    (@group $fixture:path, $module:ident: $($case:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    $crate::conformance::$module::$case($fixture().await).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_in_the_list() {
        let list = include_str!("conformance.rs");
        let files = [
            include_str!("conformance/ack.rs"),
            include_str!("conformance/audit.rs"),
            include_str!("conformance/bulk_operations.rs"),
            include_str!("conformance/claim.rs"),
            include_str!("conformance/crons.rs"),
            include_str!("conformance/crons_of_many.rs"),
            include_str!("conformance/death.rs"),
            include_str!("conformance/errors.rs"),
            include_str!("conformance/filter.rs"),
            include_str!("conformance/directory.rs"),
            include_str!("conformance/insert.rs"),
            include_str!("conformance/listing.rs"),
            include_str!("conformance/liveness.rs"),
            include_str!("conformance/maintenance.rs"),
            include_str!("conformance/manage.rs"),
            include_str!("conformance/metrics.rs"),
            include_str!("conformance/operations.rs"),
            include_str!("conformance/queues.rs"),
            include_str!("conformance/query.rs"),
            include_str!("conformance/rehearsal.rs"),
            include_str!("conformance/stage.rs"),
            include_str!("conformance/unique.rs"),
            include_str!("conformance/within.rs"),
        ];
        for line in files.into_iter().flat_map(str::lines) {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let (case, _) = rest.split_once('(').unwrap();
            let listed = list.lines().filter(|line| line.trim() == case).count();
            assert_eq!(listed, 1, "{case}");
        }
    }
}
