//! Fits the network by stochastic gradients.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::random::Random;
use super::{Example, Weights};
use crate::classifier::{
    FIRST_WEIGHTS, HIDDEN, NUMBERS, ROW, ROWS, SIZE, check_of, first_of, row_of,
};
use crate::features::{COUNT, FIRST};

/// How the classifier is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Passes over the examples. The weights of the second half are averaged.
    pub epochs: usize,
    /// AdaGrad's rate of the direct weights.
    pub rate: f32,
    /// AdaGrad's rate of the hidden layer.
    pub hidden_rate: f32,
    /// Share of a gap's facts that are left out each time it is seen.
    pub dropout: f32,
    /// Facts that fewer gaps have are left out.
    pub min_count: u32,
    /// Added to the log-odds of an end: above 0, more ends are found, and more of them are none.
    pub bias: f32,
    /// Log-odds from which the first look decides alone.
    pub margin: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            epochs: 10,
            rate: 0.1,
            hidden_rate: 0.03,
            dropout: 0.4,
            min_count: 8,
            bias: 0.2,
            margin: 3.0,
        }
    }
}

impl Settings {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// The setting, its value, and what is expected.
    pub fn validate(&self) -> Result<(), String> {
        let expect = |setting: &str, value: f32, sound: bool, expected: &str| {
            if sound {
                Ok(())
            } else {
                Err(format!("setting `{setting}` is {value}: {expected}"))
            }
        };
        let Self {
            epochs,
            rate,
            hidden_rate,
            dropout,
            margin,
            ..
        } = *self;
        expect(
            "epochs",
            epochs as f32,
            epochs > 0,
            "at least 1 pass is needed",
        )?;
        expect("rate", rate, rate > 0.0, "a rate is above 0")?;
        expect(
            "hidden_rate",
            hidden_rate,
            hidden_rate > 0.0,
            "a rate is above 0",
        )?;
        let share = (0.0..1.0).contains(&dropout);
        expect("dropout", dropout, share, "a share from 0 on, below 1")?;
        expect("margin", margin, margin >= 0.0, "0 or more")
    }
}

/// Fits the network to the examples: logistic loss, AdaGrad (Duchi, Hazan and Singer 2011), facts left out at random,
/// averaged weights. `seed` decides the first weights, the order, and what is left out. One thread, so the same examples,
/// settings and seed give the same bytes.
pub fn fit(examples: &[Example], settings: &Settings, seed: u64) -> Weights {
    let table = Table::choose(examples, settings.min_count);
    let rows: Vec<Vec<u32>> = examples
        .iter()
        .map(|example| table.numbers(example))
        .collect();
    let mut random = Random::new(seed);
    let mut network = Network::new(table.facts.len(), &mut random);
    let mut squares = Network::filled(table.facts.len(), 1e-3, 1e-2, 1.0);
    let mut sums = Network::filled(table.facts.len(), 0.0, 0.0, 0.0);
    let mut order: Vec<u32> = (0..examples.len() as u32).collect();
    let keep = 1.0 - settings.dropout;
    for epoch in 0..settings.epochs {
        random.shuffle(&mut order);
        for &row in &order {
            let mut kept = [0; COUNT];
            let mut count = 0;
            for &fact in &rows[row as usize] {
                if random.fraction() < keep {
                    kept[count] = fact;
                    count += 1;
                }
            }
            let target = f32::from(u8::from(examples[row as usize].is_end));
            network.step(&mut squares, &kept[..count], target, settings);
        }
        if epoch >= settings.epochs / 2 {
            sums.add(&network);
        }
    }
    let averaged = (settings.epochs - settings.epochs / 2) as f32;
    // Nothing is left out in use: the sums grow by as much as was left out.
    sums.scale(1.0 / averaged, keep);
    let mut weights = table.write(&sums, settings.bias);
    first_look(examples, settings, &mut random).write(settings, &mut weights);
    weights
}

/// One weight for each of a gap's first facts.
struct FirstLook(Vec<f32>);

/// Fits the first look by the same means to the gaps inside lines.
fn first_look(examples: &[Example], settings: &Settings, random: &mut Random) -> FirstLook {
    let mut weights = vec![0f32; FIRST_WEIGHTS];
    let mut squares = vec![1e-3f32; FIRST_WEIGHTS];
    let mut sums = vec![0f32; FIRST_WEIGHTS];
    let inside: Vec<&Example> = examples
        .iter()
        .filter(|example| !example.ends_line)
        .collect();
    let mut order: Vec<u32> = (0..inside.len() as u32).collect();
    for epoch in 0..settings.epochs {
        random.shuffle(&mut order);
        for &row in &order {
            let Example { facts, is_end, .. } = inside[row as usize];
            let facts = &facts[..FIRST];
            let score: f32 = facts.iter().map(|&fact| weights[first_of(fact)]).sum();
            let error = 1.0 / (1.0 + (-score).exp()) - f32::from(u8::from(*is_end));
            for &fact in facts {
                let at = first_of(fact);
                // Small weights: what is rare must not decide alone.
                let gradient = error + 1e-3 * weights[at];
                descend(&mut weights[at], &mut squares[at], gradient, settings.rate);
            }
        }
        if epoch >= settings.epochs / 2 {
            for (sum, weight) in sums.iter_mut().zip(&weights) {
                *sum += weight;
            }
        }
    }
    let averaged = (settings.epochs - settings.epochs / 2) as f32;
    sums.iter_mut().for_each(|sum| *sum /= averaged);
    FirstLook(sums)
}

impl FirstLook {
    fn write(&self, settings: &Settings, weights: &mut Weights) {
        let large = self
            .0
            .iter()
            .fold(0f32, |large, weight| large.max(weight.abs()));
        let unit = large.max(1e-6) / 127.0;
        let (numbers, tables) = weights.0.split_at_mut(4 * NUMBERS);
        let in_units = |value: f32| ((value / unit).round() as i32).to_le_bytes();
        let places = &mut numbers[4 * (NUMBERS - 2)..];
        places[..4].copy_from_slice(&in_units(settings.bias));
        places[4..].copy_from_slice(&in_units(settings.margin));
        for (place, weight) in tables.iter_mut().zip(&self.0) {
            *place = (weight / unit).round() as i8 as u8;
        }
    }
}

/// The facts that have a row.
struct Table {
    /// Fact to its number.
    numbers: HashMap<u32, u32>,
    facts: Vec<u32>,
}

impl Table {
    /// Of the facts that would share a row the most frequent has it.
    fn choose(examples: &[Example], min_count: u32) -> Self {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for fact in examples.iter().flat_map(|example| example.facts) {
            *counts.entry(fact).or_default() += 1;
        }
        let mut best: Vec<Option<(u32, u32)>> = vec![None; ROWS];
        for (fact, count) in counts {
            let place = &mut best[row_of(fact)];
            // By count, then by the fact itself: a hash map has no order.
            if count >= min_count && place.is_none_or(|held| held < (count, fact)) {
                *place = Some((count, fact));
            }
        }
        let facts: Vec<u32> = best.into_iter().flatten().map(|(_, fact)| fact).collect();
        let numbers = (0..).zip(&facts).map(|(n, fact)| (*fact, n)).collect();
        Self { numbers, facts }
    }

    fn numbers(&self, example: &Example) -> Vec<u32> {
        let known = |fact: &u32| self.numbers.get(fact).copied();
        example.facts.iter().filter_map(known).collect()
    }

    /// Rounds the network to the integers of the weights file.
    fn write(&self, network: &Network, bias: f32) -> Weights {
        let mut bytes = vec![0; SIZE];
        let unit = |values: &[f32]| {
            // A few large values must not make all others coarse.
            let mut sizes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
            sizes.sort_unstable_by(f32::total_cmp);
            let large = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / 2000));
            large.copied().unwrap_or(0.0).max(1e-6) / 127.0
        };
        let direct_unit = unit(&network.direct);
        let hidden_unit = unit(&network.hidden);
        let rounded =
            |value: f32, unit: f32| (value / unit).round().clamp(-127.0, 127.0) as i8 as u8;
        // One unit of the score, small enough for all that is multiplied with it.
        let score_unit = direct_unit / 256.0;
        let mut head = Vec::with_capacity(4 * NUMBERS);
        let mut put = |value: f32| head.extend((value.round() as i32).to_le_bytes());
        for value in network.biases {
            put(value / hidden_unit);
        }
        for value in network.weights {
            put(value * hidden_unit / score_unit);
        }
        put(256.0);
        put(bias / score_unit);
        bytes[..head.len()].copy_from_slice(&head);
        let (rows, _) = bytes[4 * NUMBERS + FIRST_WEIGHTS..].as_chunks_mut::<ROW>();
        for (number, &fact) in self.facts.iter().enumerate() {
            let row = &mut rows[row_of(fact)];
            row[0] = check_of(fact);
            row[1] = rounded(network.direct[number], direct_unit);
            for (place, value) in row[2..].iter_mut().zip(network.units(number)) {
                *place = rounded(*value, hidden_unit);
            }
        }
        Weights(bytes)
    }
}

/// `score = direct + weights * max(0, hidden + biases)`, with the sums of the facts' rows for `direct` and `hidden`.
struct Network {
    direct: Vec<f32>,
    hidden: Vec<f32>,
    biases: [f32; HIDDEN],
    weights: [f32; HIDDEN],
}

impl Network {
    fn new(facts: usize, random: &mut Random) -> Self {
        let mut network = Self::filled(facts, 0.0, 0.0, 0.1);
        for value in &mut network.hidden {
            *value = (random.fraction() - 0.5) * 0.1;
        }
        for (unit, weight) in network.weights.iter_mut().enumerate() {
            *weight = if unit % 2 == 0 { 0.5 } else { -0.5 };
        }
        network
    }

    fn filled(facts: usize, direct: f32, hidden: f32, layer: f32) -> Self {
        Self {
            direct: vec![direct; facts],
            hidden: vec![hidden; facts * HIDDEN],
            biases: [layer; HIDDEN],
            weights: [layer; HIDDEN],
        }
    }

    fn units(&self, fact: usize) -> &[f32] {
        &self.hidden[fact * HIDDEN..(fact + 1) * HIDDEN]
    }

    /// One step of AdaGrad on one gap; `squares` holds the sums of squared gradients.
    fn step(&mut self, squares: &mut Self, facts: &[u32], target: f32, settings: &Settings) {
        let mut units = self.biases;
        let mut score = 0.0;
        for &fact in facts {
            score += self.direct[fact as usize];
            for (unit, value) in units.iter_mut().zip(self.units(fact as usize)) {
                *unit += value;
            }
        }
        for (unit, weight) in units.iter().zip(&self.weights) {
            score += unit.max(0.0) * weight;
        }
        let error = 1.0 / (1.0 + (-score).exp()) - target;

        let mut gradients = [0.0; HIDDEN];
        let rate = settings.hidden_rate;
        for unit in 0..HIDDEN {
            if units[unit] > 0.0 {
                gradients[unit] = error * self.weights[unit];
                let of_weight = error * units[unit];
                descend(
                    &mut self.weights[unit],
                    &mut squares.weights[unit],
                    of_weight,
                    rate,
                );
                descend(
                    &mut self.biases[unit],
                    &mut squares.biases[unit],
                    gradients[unit],
                    rate,
                );
            }
        }
        for &fact in facts {
            let fact = fact as usize;
            descend(
                &mut self.direct[fact],
                &mut squares.direct[fact],
                error,
                settings.rate,
            );
            let row = fact * HIDDEN..(fact + 1) * HIDDEN;
            let values = self.hidden[row.clone()].iter_mut();
            let parts = values.zip(&mut squares.hidden[row]).zip(&gradients);
            for ((value, square), gradient) in parts {
                descend(value, square, *gradient, rate);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        let add = |to: &mut [f32], from: &[f32]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        };
        add(&mut self.direct, &other.direct);
        add(&mut self.hidden, &other.hidden);
        add(&mut self.biases, &other.biases);
        add(&mut self.weights, &other.weights);
    }

    fn scale(&mut self, all: f32, facts: f32) {
        for value in self.direct.iter_mut().chain(&mut self.hidden) {
            *value *= all * facts;
        }
        for value in self.biases.iter_mut().chain(&mut self.weights) {
            *value *= all;
        }
    }
}

fn descend(value: &mut f32, square: &mut f32, gradient: f32, rate: f32) {
    *square += gradient * gradient;
    *value -= rate * gradient / square.sqrt();
}
