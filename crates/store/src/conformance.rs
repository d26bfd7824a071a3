//! What every store must do, as tests that each implementation runs on itself.
//!
//! [`conformance_suite!`](crate::conformance_suite) makes one test of each case; the implementation brings a
//! function that makes an empty [`Subject`].

pub mod commits;
pub mod concurrency;
pub mod generations;
pub mod operations;
pub mod reading;
pub mod records;
pub mod sample;
pub mod services;
pub mod snapshots;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::SharedStore;

/// An empty store to try.
pub struct Subject {
    /// The store.
    pub store: SharedStore,
    /// The clock it was opened with.
    pub clock: HandClock,
    /// What must live as long as the store does, for example its directory.
    pub keep: Box<dyn Any + Send>,
}

/// A clock that moves only by hand.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    /// A clock that stands at the beginning of 2026.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_225_600)))
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).expect("a time in range")
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

impl Default for HandClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a test of every case; `$subject` is a function that returns a new [`Subject`].
#[macro_export]
macro_rules! conformance_suite {
    ($subject:path) => {
        $crate::conformance_suite! { $subject =>
            services::a_service_begins_with_its_first_configuration,
            services::a_name_is_taken_once_in_the_whole_store,
            services::services_are_found_in_any_case,
            services::an_update_changes_what_it_names,
            services::a_deleted_service_leaves_nothing,
            services::what_is_not_there_is_not_found,
            reading::a_collection_is_listed_by_name_and_page,
            reading::a_type_is_listed_by_path,
            reading::a_resource_is_one_in_any_case,
            reading::properties_and_secrets_come_back_as_written,
            commits::conditions_are_checked,
            commits::preconditions_are_checked,
            commits::a_refused_commit_changes_nothing,
            commits::a_delete_takes_everything_below,
            commits::the_feed_tells_every_change,
            commits::a_commit_without_effect_is_no_revision,
            commits::random_edits_agree_with_a_plain_map,
            concurrency::every_commit_takes_its_own_revision,
            concurrency::a_stale_plan_is_refused,
            concurrency::watchers_are_woken,
            concurrency::a_refused_commit_does_not_undo_its_neighbours,
            snapshots::a_snapshot_holds_everything_in_order,
            snapshots::a_snapshot_is_its_revision_while_writers_go_on,
            snapshots::a_snapshot_outlives_the_generation_it_reads,
            snapshots::the_receiver_can_stop,
            generations::a_swap_brings_everything_at_once,
            generations::a_swap_can_be_undone_and_done_again,
            generations::a_swap_says_what_it_expects,
            generations::loading_refuses_what_cannot_be,
            generations::generations_can_be_dropped,
            operations::one_operation_runs_on_a_service,
            operations::an_operation_excludes_what_it_must,
            operations::an_operation_tells_its_progress_and_its_end,
            operations::an_operation_is_taken_over,
            operations::operations_are_listed_newest_first,
            operations::of_racing_requests_one_starts,
            records::records_are_kept_by_collection_and_key,
            records::of_racing_takers_one_succeeds,
        }
    };
    ($subject:path => $($area:ident::$case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let subject: $crate::conformance::Subject = $subject();
                $crate::conformance::$area::$case(&subject).await;
            }
        )*
    };
}
