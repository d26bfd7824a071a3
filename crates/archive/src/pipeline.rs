//! Does the same work on a row of jobs on several threads and gives the results back in order.
//!
//! Jobs go round the workers in turn and results are taken in the same turn, so order needs no bookkeeping, and
//! at most two jobs per worker are under way, so memory stays flat.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// More workers than this find nothing to do: one thread reads or writes for all of them.
const MAX_WORKERS: usize = 8;
const JOBS_PER_WORKER: usize = 2;

/// What one worker does with its jobs, one after the other.
pub(crate) type Work<J, O> = Box<dyn FnMut(J) -> O>;

pub(crate) struct Pipeline<J, O> {
    make: fn() -> Work<J, O>,
    workers: Vec<(SyncSender<J>, Receiver<O>)>,
    limit: usize,
    submitted: usize,
    collected: usize,
}

impl<J: Send + 'static, O: Send + 'static> Pipeline<J, O> {
    /// Each worker does what one call of `make` returns; workers start as jobs come.
    pub(crate) fn new(make: fn() -> Work<J, O>) -> Self {
        let limit = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        Self { make, workers: Vec::new(), limit, submitted: 0, collected: 0 }
    }

    /// Hands a job in; when as many are under way as may be, the oldest one's result comes back.
    pub(crate) fn submit(&mut self, job: J) -> io::Result<Option<O>> {
        let in_flight = self.submitted - self.collected;
        let result = if in_flight == self.limit * JOBS_PER_WORKER { self.next()? } else { None };
        let turn = self.submitted % self.limit;
        if turn == self.workers.len() {
            self.workers.push(start(self.make)?);
        }
        self.workers[turn].0.send(job).map_err(|_| stopped())?;
        self.submitted += 1;
        Ok(result)
    }

    /// Waits for the oldest result; none when all were taken.
    pub(crate) fn next(&mut self) -> io::Result<Option<O>> {
        if self.collected == self.submitted {
            return Ok(None);
        }
        let turn = self.collected % self.limit;
        let result = self.workers[turn].1.recv().map_err(|_| stopped())?;
        self.collected += 1;
        Ok(Some(result))
    }
}

fn start<J: Send + 'static, O: Send + 'static>(
    make: fn() -> Work<J, O>,
) -> io::Result<(SyncSender<J>, Receiver<O>)> {
    let (jobs, incoming) = sync_channel(JOBS_PER_WORKER);
    let (outgoing, results) = sync_channel(JOBS_PER_WORKER);
    thread::Builder::new().name("archive".to_owned()).spawn(move || {
        let mut work = make();
        while let Ok(job) = incoming.recv() {
            if outgoing.send(work(job)).is_err() {
                return;
            }
        }
    })?;
    Ok((jobs, results))
}

fn stopped() -> io::Error {
    io::Error::other("a worker thread of the archive stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut pipeline = Pipeline::<u64, u64>::new(|| {
            Box::new(|job| {
                let rounds = 1 + (job % 7) * 1000;
                (0..rounds).fold(job, |sum, _| std::hint::black_box(sum))
            })
        });
        let mut results = Vec::new();
        for job in 0..100 {
            results.extend(pipeline.submit(job).unwrap());
        }
        while let Some(result) = pipeline.next().unwrap() {
            results.push(result);
        }
        assert_eq!(results, (0..100).collect::<Vec<_>>());
    }
}
