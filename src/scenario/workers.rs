//! Jobs on several threads, one after the other as threads become free: what `compare` and `sweep` run side by side.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Results that wait to be taken at the most, for each thread.
const WAITING: usize = 16;

/// Does `work` on every job, on at most `threads` threads, and hands each result with the number of its job to `each` as
/// soon as it is there, in any order. Once `each` says to break, no further job begins, and results are dropped.
pub(super) fn as_finished<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> T + Sync,
    each: &mut dyn FnMut(usize, T) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let threads = threads.clamp(1, jobs.len().max(1));
    let (done, results) = crossbeam_channel::bounded(threads.saturating_mul(WAITING));
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, work, done) = (&next, &work, done.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { break };
                    // Nobody takes results any more: it was said to break.
                    if done.send((number, work(job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        for (number, result) in results {
            if each(number, result).is_break() {
                break;
            }
        }
    });
}

/// Does `work` on every job, on at most `threads` threads, with the results in the order of the jobs: no result depends on
/// how many threads there are. `progress` is told how many of how many are done.
pub(super) fn in_order<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> T + Sync,
    progress: &mut dyn FnMut(usize, usize),
) -> Vec<T> {
    let mut slots: Vec<Option<T>> = jobs.iter().map(|_| None).collect();
    let mut count = 0;
    as_finished(jobs, threads, work, &mut |number, result| {
        if let Some(slot) = slots.get_mut(number) {
            *slot = Some(result);
        }
        count += 1;
        progress(count, jobs.len());
        ControlFlow::Continue(())
    });
    // Every slot is full: the scope hands the panic of a thread on.
    slots.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_whatever_the_number_of_threads() {
        let jobs: Vec<u64> = (0..100).collect();
        let expected: Vec<u64> = jobs.iter().map(|job| job * job).collect();
        for threads in [0, 1, 2, 7, 1_000] {
            let mut told = Vec::new();
            let results = in_order(&jobs, threads, |job| job * job, &mut |done, all| told.push((done, all)));
            assert_eq!(results, expected);
            assert_eq!((told.len(), told.last()), (100, Some(&(100, 100))));
        }
        assert!(in_order(&[], 4, |job: &u64| *job, &mut |_, _| {}).is_empty());
    }

    #[test]
    fn after_a_break_no_job_begins_and_nothing_hangs() {
        let jobs: Vec<usize> = (0..10_000).collect();
        for threads in [1, 3] {
            let (begun, mut taken) = (AtomicUsize::new(0), 0);
            let work = |job: &usize| {
                begun.fetch_add(1, Ordering::Relaxed);
                *job
            };
            as_finished(&jobs, threads, work, &mut |_, _| {
                taken += 1;
                if taken == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(taken, 5);
            assert!(begun.into_inner() <= 5 + threads * (WAITING + 2));
        }
    }
}
