use arc_swap::ArcSwap;
use std::sync::Arc;

/// The label of everything that came after a family was full.
const OTHER: &str = "other";

/// Values by their labels, made when they are first used. Looking one up takes no lock, so the frame path and a scrape
/// never wait for each other. Bounded: once `most` are there, new labels share one value under `other`.
#[derive(Debug)]
pub struct Series<V, const N: usize> {
    all: ArcSwap<Vec<Arc<Labelled<V, N>>>>,
    most: usize,
}

#[derive(Debug)]
pub struct Labelled<V, const N: usize> {
    pub labels: [Box<str>; N],
    pub value: V,
}

impl<V: Default, const N: usize> Series<V, N> {
    pub fn new(most: usize) -> Self {
        Self { all: ArcSwap::default(), most }
    }

    pub fn with(&self, labels: [&str; N], act: impl FnOnce(&V)) {
        if let Some(found) = find(&self.all.load(), labels) {
            return act(&found.value);
        }
        act(&self.add(labels).value);
    }

    #[cold]
    fn add(&self, labels: [&str; N]) -> Arc<Labelled<V, N>> {
        let full = self.all.load().len() >= self.most;
        let labels = if full { [OTHER; N] } else { labels };
        let new = Arc::new(Labelled { labels: labels.map(Box::from), value: V::default() });
        self.all.rcu(|all| {
            let mut next = Vec::clone(all);
            // Somebody else may have added it meanwhile.
            if find(all, labels).is_none() {
                next.push(Arc::clone(&new));
            }
            next
        });
        find(&self.all.load(), labels).map_or(new, Arc::clone)
    }

    pub fn read(&self) -> Arc<Vec<Arc<Labelled<V, N>>>> {
        self.all.load_full()
    }
}

fn find<'a, V, const N: usize>(all: &'a [Arc<Labelled<V, N>>], labels: [&str; N]) -> Option<&'a Arc<Labelled<V, N>>> {
    // Newest first: what is used now was mostly added last.
    all.iter().rev().find(|one| one.labels.iter().zip(labels).all(|(own, label)| **own == *label))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn add(series: &Series<AtomicU64, 1>, label: &str) {
        series.with([label], |value| {
            value.fetch_add(1, Ordering::Relaxed);
        });
    }

    #[test]
    fn labels_beyond_the_bound_share_one_value() {
        let series = Series::<AtomicU64, 1>::new(2);
        for label in ["a", "b", "c", "d", "a", "c"] {
            add(&series, label);
        }
        let all = series.read();
        let read: Vec<_> = all.iter().map(|one| (&*one.labels[0], one.value.load(Ordering::Relaxed))).collect();
        assert_eq!(read, [("a", 2), ("b", 1), ("other", 3)]);
    }

    #[test]
    fn threads_that_add_the_same_label_at_one_time_lose_no_count() {
        let series = Series::<AtomicU64, 1>::new(50);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|n| add(&series, &format!("label-{}", n % 40))));
            }
        });
        let all = series.read();
        assert_eq!(all.len(), 40);
        assert!(all.iter().all(|one| one.value.load(Ordering::Relaxed) == 100));
    }
}
