//! Jobs on several threads, with the results in the order of the jobs: no result depends on how many threads there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does `work` on every job, on at most `threads` threads. `progress` is told how many of how many are done.
pub(super) fn in_order<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> T + Sync,
    progress: &mut dyn FnMut(usize, usize),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let (done, results) = crossbeam_channel::unbounded();
    let mut slots: Vec<Option<T>> = jobs.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            let (next, work, done) = (&next, &work, done.clone());
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { break };
                    if done.send((number, work(job))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        for (count, (number, result)) in results.iter().enumerate() {
            if let Some(slot) = slots.get_mut(number) {
                *slot = Some(result);
            }
            progress(count + 1, jobs.len());
        }
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
}
