//! From a part's loss to gradients: at once, or with the gradients of the embeddings cached in between.

use std::ops::Range;

use jobmatch_torch_ext::{Autocast, RngState, autocast};
use tch::{Kind, Tensor};

use super::Trainer;
use crate::{Error, Part, Result};

impl Trainer<'_> {
    /// Computes the mean loss of the rows that `objective` is given, in the precision that is set, and adds its
    /// gradients, weighted so that the sum over parts and the mean over ranks is that of the mean loss of the whole
    /// batch. Without rows `objective` is not asked.
    ///
    /// # Errors
    /// The objective's own; when a rank died.
    pub fn backward<E: From<Error>>(
        &mut self,
        part: &Part,
        objective: impl FnOnce(Range<usize>) -> std::result::Result<Tensor, E>,
    ) -> std::result::Result<(), E> {
        let loss = if part.rows.is_empty() {
            self.no_loss()
        } else {
            let _region = self.region()?;
            objective(part.rows.clone())?
        };
        self.add(&loss, weight_of(part), part.is_last)
            .map_err(E::from)
    }

    fn add(&mut self, loss: &Tensor, weight: f64, is_last: bool) -> Result<()> {
        let mine = loss.detach().to_kind(Kind::Double) * weight;
        self.loss = Some(match self.loss.take() {
            Some(sum) => sum + mine,
            None => mine,
        });
        // Ddp divides by the number of ranks.
        let weighted = loss * (weight * f64::from(self.world.size()));
        let scaled = match &self.scaler {
            Some(scaler) => scaler.scale(&weighted),
            None => weighted,
        };
        self.reduce(&scaled, is_last)
    }

    /// A loss of 0 that all parameters take part in.
    fn no_loss(&self) -> Tensor {
        let sums = self
            .parameters
            .tensors
            .iter()
            .map(|each| each.sum(each.kind()));
        let zero = Tensor::zeros([], (Kind::Float, self.world.device()));
        sums.fold(zero, |total, sum| total + sum * 0.0)
    }

    /// As [`backward`](Self::backward), for a loss over embeddings: `embed` gives those of each of `chunks` chunks, in the
    /// precision that is set, and `objective` their mean loss over the part's rows of this rank, in float32 or float64.
    ///
    /// With `cached` memory does not grow with the number of chunks (GradCache; Gao et al. 2021, "Scaling Deep Contrastive
    /// Learning Batch Size under Memory Limited Setup"): all chunks are embedded without a graph, the loss gives each
    /// embedding its gradient, and then one chunk after the other is embedded again, with the same dropout, and takes the
    /// gradient of its embeddings on to the parameters. The ranks reduce their gradients once, with the last chunk.
    ///
    /// # Errors
    /// Those of `embed` and `objective`; when a rank died.
    pub fn backward_of_embeddings<E: From<Error>>(
        &mut self,
        part: &Part,
        chunks: usize,
        cached: bool,
        mut embed: impl FnMut(usize) -> std::result::Result<Tensor, E>,
        objective: impl FnOnce(&[Tensor]) -> std::result::Result<Tensor, E>,
    ) -> std::result::Result<(), E> {
        let weight = weight_of(part);
        if !cached {
            let region = self.region()?;
            let embeddings = (0..chunks)
                .map(|chunk| Ok(whole(&embed(chunk)?)))
                .collect::<std::result::Result<Vec<_>, E>>()?;
            drop(region);
            let loss = objective(&embeddings)?;
            return self.add(&loss, weight, part.is_last).map_err(E::from);
        }

        let device = self.world.device();
        let mut random = Vec::with_capacity(chunks);
        let mut embeddings = Vec::with_capacity(chunks);
        {
            let _region = self.region()?;
            let _no_graph = tch::no_grad_guard();
            for chunk in 0..chunks {
                random.push(RngState::of(device).map_err(Error::from)?);
                embeddings.push(whole(&embed(chunk)?));
            }
        }
        let embeddings: Vec<Tensor> = embeddings
            .iter()
            .map(|each| each.detach().set_requires_grad(true))
            .collect();
        // No parameter takes part in this backward, so there is nothing to reduce yet.
        self.add(&objective(&embeddings)?, weight, false)
            .map_err(E::from)?;
        for (chunk, (state, embeddings)) in random.iter().zip(&embeddings).enumerate() {
            state.restore(device).map_err(Error::from)?;
            // A region for each: what autocast keeps of one would belong to a graph that is gone.
            let region = self.region()?;
            let again = whole(&embed(chunk)?);
            drop(region);
            let product = (again * embeddings.grad()).sum(None::<Kind>);
            let is_last = part.is_last && chunk + 1 == chunks;
            self.reduce(&product, is_last).map_err(E::from)?;
        }
        Ok(())
    }

    /// Autocast, when a lower precision is set.
    fn region(&self) -> Result<Option<Autocast>> {
        let kind = self.config.precision.kind();
        let region = kind.map(|kind| autocast(self.world.device(), kind));
        Ok(region.transpose()?)
    }

    fn reduce(&self, loss: &Tensor, is_last: bool) -> Result<()> {
        if is_last {
            Ok(self.ddp.backward(loss)?)
        } else {
            Ok(self.ddp.backward_without_reducing(loss)?)
        }
    }
}

/// What a part's mean loss counts for in that of the batch.
fn weight_of(part: &Part) -> f64 {
    part.rows.len() as f64 / part.batch.max(1) as f64
}

/// In float32 at least: what a loss is computed in.
fn whole(embeddings: &Tensor) -> Tensor {
    match embeddings.kind() {
        Kind::Half | Kind::BFloat16 => embeddings.to_kind(Kind::Float),
        _ => embeddings.shallow_clone(),
    }
}
