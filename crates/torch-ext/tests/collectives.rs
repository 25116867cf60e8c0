//! What the ranks do at once, on two and three processes.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::on_ranks;
use jobmatch_torch_ext::{Reduction, World};
use tch::{Device, Kind, Tensor};

fn numbers(values: &[f32]) -> Tensor {
    Tensor::from_slice(values)
}

fn list(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().view(-1)).unwrap()
}

#[test]
fn alone_they_do_nothing() {
    let world = World::alone(Device::Cpu);
    let tensor = numbers(&[1., 2.]);
    world.all_reduce(&tensor, Reduction::Sum).unwrap();
    world.broadcast(&tensor, 0).unwrap();
    world.barrier().unwrap();
    assert_eq!(list(&world.all_gather(&tensor).unwrap()), [1., 2.]);
    assert_eq!(world.gather_bytes(b"ab").unwrap(), [b"ab".to_vec()]);
    assert_eq!(world.broadcast_bytes(b"ab").unwrap(), b"ab");
    let outcome = world.together(|| Ok::<_, jobmatch_torch_ext::Error>(5));
    assert_eq!(outcome.unwrap(), 5);
}

#[test]
fn sums_gathers_and_broadcasts() {
    on_ranks("sums_gathers_and_broadcasts", 3, |world| {
        let rank = world.rank() as f32;
        for (reduction, expected) in [
            (Reduction::Sum, [3., 33.]),
            (Reduction::Max, [2., 12.]),
            (Reduction::Min, [0., 10.]),
        ] {
            let tensor = numbers(&[rank, 10. + rank]);
            world.all_reduce(&tensor, reduction).unwrap();
            assert_eq!(list(&tensor), expected);
        }
        let gathered = world.all_gather(&numbers(&[rank, -rank])).unwrap();
        assert_eq!(list(&gathered), [0., 0., 1., -1., 2., -2.]);
        let tensor = numbers(&[rank]);
        world.broadcast(&tensor, 2).unwrap();
        assert_eq!(list(&tensor), [2.]);
        world.barrier().unwrap();
        let bytes = vec![world.rank() as u8; world.rank() as usize * 5];
        let all = world.gather_bytes(&bytes).unwrap();
        assert_eq!(all, [vec![], vec![1; 5], vec![2; 10]]);
        let word = if world.is_first() {
            "from the first"
        } else {
            ""
        };
        assert_eq!(
            world.broadcast_bytes(word.as_bytes()).unwrap(),
            b"from the first"
        );
    });
}

#[test]
fn rows_of_different_number_are_gathered() {
    on_ranks("rows_of_different_number_are_gathered", 3, |world| {
        let rows_of_ranks = [2, 1, 1];
        let rank = world.rank() as usize;
        let mine = Tensor::full(
            [rows_of_ranks[rank], 2],
            rank as f64,
            (Kind::Float, Device::Cpu),
        )
        .set_requires_grad(true);
        let counts = rows_of_ranks.map(|rows| rows as usize);
        let all = world.gather_rows_with_gradient(&mine, &counts).unwrap();
        assert_eq!(list(&all.detach()), [0., 0., 0., 0., 1., 1., 2., 2.]);
        let weights = numbers(&[1., 2., 3., 4.]).unsqueeze(1);
        (&all * weights).sum(Kind::Float).backward();
        // Three ranks ask for the same.
        let expected: &[f32] = match rank {
            0 => &[3., 3., 6., 6.],
            1 => &[9., 9.],
            _ => &[12., 12.],
        };
        assert_eq!(list(&mine.grad()), expected);
    });
}

/// Queries meet the gathered passages, as in-batch negatives do: the mean of the ranks' losses has the gradients of the
/// one big batch.
#[test]
fn gradients_flow_back_to_the_rank_they_belong_to() {
    on_ranks(
        "gradients_flow_back_to_the_rank_they_belong_to",
        2,
        |world| {
            let all = |step: f64| {
                let count = Tensor::arange(24, (Kind::Double, Device::Cpu));
                (count * step).sin().view([6, 4])
            };
            let leaf = |tensor: Tensor| tensor.copy().set_requires_grad(true);
            let loss = |queries: &Tensor, passages: &Tensor, first: i64| {
                let rows = queries.size()[0];
                let targets = Tensor::arange(rows, (Kind::Int64, Device::Cpu)) + first;
                queries
                    .matmul(&passages.transpose(0, 1))
                    .cross_entropy_for_logits(&targets)
            };
            let (queries, passages) = (leaf(all(0.7)), leaf(all(1.9)));
            loss(&queries, &passages, 0).backward();

            let first = i64::from(world.rank()) * 3;
            let mine = |tensor: &Tensor| leaf(tensor.detach().narrow(0, first, 3));
            let (my_queries, my_passages) = (mine(&queries), mine(&passages));
            let gathered = world.all_gather_with_gradient(&my_passages).unwrap();
            loss(&my_queries, &gathered, first).backward();
            for (one, two) in [(&queries, &my_queries), (&passages, &my_passages)] {
                let expected = one.grad().narrow(0, first, 3);
                // The mean over two ranks is what Ddp makes of it.
                assert!((two.grad() / 2.).allclose(&expected, 1e-12, 1e-12, false));
            }
        },
    );
}
