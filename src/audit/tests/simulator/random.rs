//! A generator of its own, so that a fleet can be made again from its number.

use crate::time::{MINUTE, Millis, SECOND};

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..20 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.unit() * (high - low) as f64) as i64
    }

    pub fn chance(&mut self, part: f64) -> bool {
        self.unit() < part
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[(self.next() % of.len() as u64) as usize]
    }

    /// Mostly near the median, rarely many times it.
    pub fn length(&mut self, median: Millis) -> Millis {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        let spread = if self.chance(0.004) { 2.2 } else { 0.45 };
        ((median as f64 * (normal * spread).exp()) as Millis).clamp(2 * SECOND, 239 * MINUTE)
    }
}
