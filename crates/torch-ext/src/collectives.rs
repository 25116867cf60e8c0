//! What the ranks of a world do at once. Before each of them the ranks compare what they bring, by one small message.

use jobmatch_torch_ext_sys::{
    tx_all_gather, tx_all_gather_with_gradient, tx_all_reduce, tx_barrier, tx_broadcast,
    tx_broadcast_all,
};
use tch::{Device, Tensor};

use crate::raw::{message, pointer, pointers, tensor_from};
use crate::signature::{self, LENGTH, OPERATIONS};
use crate::world::{Group, Reduction, World};
use crate::{Error, Result};

/// Bytes that a broadcast of many tensors sends at once.
const BROADCAST_BYTES: usize = 64 << 20;

impl World {
    /// Replaces `tensor` on every rank by the sum (or maximum, minimum) over ranks.
    ///
    /// # Errors
    /// When the ranks bring different tensors, one cannot be sent, or a rank died or came too late; on every rank.
    pub fn all_reduce(&self, tensor: &Tensor, reduction: Reduction) -> Result<()> {
        let number = match reduction {
            Reduction::Sum => 0,
            Reduction::Max => 1,
            Reduction::Min => 2,
        };
        self.collective(0, i64::from(number), Some(tensor), |group| unsafe {
            // SAFETY: group and tensor live through the call.
            tx_all_reduce(group.raw, pointer(tensor), number)
        })
    }

    /// The ranks' tensors `[n, ...]` one after the other, `[size * n, ...]`. Gradients do not flow.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn all_gather(&self, tensor: &Tensor) -> Result<Tensor> {
        self.gather(1, tensor)
    }

    /// As [`all_gather`](Self::all_gather), with gradients: what comes back to a rank's part is the sum over all ranks
    /// of their gradients for it. So when each rank computes its share of a loss from the gathered tensor and
    /// [`Ddp`](crate::Ddp) averages, parameters get the gradient of the mean of the ranks' losses.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn all_gather_with_gradient(&self, tensor: &Tensor) -> Result<Tensor> {
        self.gather(2, tensor)
    }

    /// As [`all_gather_with_gradient`](Self::all_gather_with_gradient) for tensors whose first axis differs:
    /// `rows_of_ranks` says how many rows each rank brings, the same on all ranks.
    ///
    /// # Errors
    /// As [`World::all_reduce`]; when this rank's tensor has other rows than `rows_of_ranks` says, on all ranks.
    pub fn gather_rows_with_gradient(
        &self,
        tensor: &Tensor,
        rows_of_ranks: &[usize],
    ) -> Result<Tensor> {
        if self.link.is_none() {
            return Ok(tensor.shallow_clone());
        }
        let longest = rows_of_ranks.iter().copied().max().unwrap_or(0) as i64;
        let mut shape = tensor.size();
        let missing = match shape.first_mut() {
            Some(rows) => {
                let missing = longest - *rows;
                *rows = missing.max(0);
                missing
            }
            None => 0,
        };
        let padded = if missing > 0 {
            let zeros = Tensor::zeros(&shape, (tensor.kind(), tensor.device()));
            Tensor::f_cat(&[tensor, &zeros], 0)?
        } else {
            tensor.contiguous()
        };
        let all = self.all_gather_with_gradient(&padded)?;
        let parts: Vec<Tensor> = rows_of_ranks
            .iter()
            .enumerate()
            .map(|(rank, rows)| all.f_narrow(0, rank as i64 * longest, *rows as i64))
            .collect::<std::result::Result<_, _>>()?;
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    fn gather(&self, operation: usize, tensor: &Tensor) -> Result<Tensor> {
        if self.link.is_none() {
            return Ok(tensor.shallow_clone());
        }
        let mut gathered = None;
        self.collective(operation, 0, Some(tensor), |group| {
            let outcome = tensor_from(OPERATIONS[operation], |out| unsafe {
                // SAFETY: group and tensor live through the call.
                if operation == 2 {
                    tx_all_gather_with_gradient(group.raw, pointer(tensor), out)
                } else {
                    tx_all_gather(group.raw, pointer(tensor), out)
                }
            });
            gathered = Some(outcome);
            std::ptr::null_mut()
        })?;
        match gathered {
            Some(Err(Error::Torch { message, .. })) => Err(self.failed(operation, message)),
            Some(outcome) => outcome,
            None => Ok(tensor.shallow_clone()),
        }
    }

    /// Replaces `tensor` on every rank by that of rank `root`.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn broadcast(&self, tensor: &Tensor, root: u32) -> Result<()> {
        self.collective(3, i64::from(root), Some(tensor), |group| unsafe {
            // SAFETY: group and tensor live through the call.
            tx_broadcast(group.raw, pointer(tensor), root as i32)
        })
    }

    /// Replaces many tensors on every rank by those of rank 0, several at once.
    ///
    /// # Errors
    /// As [`World::all_reduce`]; the first tensor that differs is named.
    pub fn broadcast_all(&self, tensors: &[Tensor]) -> Result<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        self.same_everywhere(tensors)?;
        let list = pointers(tensors);
        // SAFETY: group and tensors live through the call.
        let problem = message(unsafe {
            tx_broadcast_all(
                link.group.raw,
                list.as_ptr(),
                list.len(),
                BROADCAST_BYTES,
                0,
            )
        });
        problem.map_or(Ok(()), |message| Err(self.failed(3, message)))
    }

    /// Returns when all ranks have come.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn barrier(&self) -> Result<()> {
        self.collective(4, 0, None, |group| unsafe {
            // SAFETY: the group lives through the call.
            tx_barrier(group.raw)
        })
    }

    /// The bytes of every rank, which may differ in length, in the order of ranks.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn gather_bytes(&self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        if self.link.is_none() {
            return Ok(vec![bytes.to_vec()]);
        }
        let lengths = self.all_gather(&Tensor::from_slice(&[bytes.len() as i64]))?;
        let lengths: Vec<usize> = Vec::<i64>::try_from(lengths)?
            .into_iter()
            .map(|length| usize::try_from(length).unwrap_or(0))
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0).max(1);
        let mut padded = bytes.to_vec();
        padded.resize(longest, 0);
        let all = Vec::<u8>::try_from(self.all_gather(&Tensor::from_slice(&padded))?)?;
        let parts = all.chunks_exact(longest).zip(lengths);
        Ok(parts
            .map(|(part, length)| part[..length].to_vec())
            .collect())
    }

    /// The bytes of rank 0, on every rank.
    ///
    /// # Errors
    /// As [`World::all_reduce`].
    pub fn broadcast_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        if self.link.is_none() {
            return Ok(bytes.to_vec());
        }
        let length = Tensor::from_slice(&[bytes.len() as i64]);
        self.broadcast(&length, 0)?;
        let length = usize::try_from(length.int64_value(&[0])).unwrap_or(0);
        let mut content = if self.is_first() {
            bytes.to_vec()
        } else {
            Vec::new()
        };
        content.resize(length.max(1), 0);
        let content = Tensor::from_slice(&content);
        self.broadcast(&content, 0)?;
        let mut content = Vec::<u8>::try_from(content)?;
        content.truncate(length);
        Ok(content)
    }

    /// An error on every rank unless all have tensors of the same kinds and shapes.
    fn same_everywhere(&self, tensors: &[Tensor]) -> Result<()> {
        let describe = |tensor: &Tensor| format!("{:?} {:?}", tensor.kind(), tensor.size());
        let mine: Vec<String> = tensors.iter().map(describe).collect();
        let all: Vec<Vec<String>> = self
            .gather_bytes(mine.join("\n").as_bytes())?
            .iter()
            .map(|text| {
                let text = String::from_utf8_lossy(text).into_owned();
                text.lines().map(str::to_owned).collect()
            })
            .collect();
        if all.iter().all(|theirs| *theirs == all[0]) {
            return Ok(());
        }
        let longest = all.iter().map(Vec::len).max().unwrap_or(0);
        let differs = |at: &usize| all.iter().any(|theirs| theirs.get(*at) != all[0].get(*at));
        let at = (0..longest).find(differs).unwrap_or(0);
        let nothing = "none".to_owned();
        let words = all.iter().enumerate().map(|(rank, theirs)| {
            let word = theirs.get(at).unwrap_or(&nothing);
            format!("rank {rank}: tensor {at} is {word}")
        });
        Err(Error::Mismatch {
            ranks: words.collect(),
        })
    }

    /// Compares what the ranks bring, then does it. Nothing to do alone.
    fn collective(
        &self,
        operation: usize,
        argument: i64,
        tensor: Option<&Tensor>,
        call: impl FnOnce(&Group) -> *mut std::ffi::c_char,
    ) -> Result<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let mine = signature::of(operation, argument, tensor, self.device());
        self.compare(operation, &mine)?;
        message(call(&link.group)).map_or(Ok(()), |message| Err(self.failed(operation, message)))
    }

    /// Sends this rank's signature to all, and compares theirs.
    fn compare(&self, operation: usize, mine: &[i64; LENGTH]) -> Result<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let mine = Tensor::from_slice(mine).to_device(Device::Cpu);
        let all = tensor_from(OPERATIONS[operation], |out| unsafe {
            // SAFETY: group and tensor live through the call.
            tx_all_gather(link.group.raw, pointer(&mine), out)
        });
        let all = all.map_err(|error| match error {
            Error::Torch { message, .. } => self.failed(operation, message),
            other => other,
        })?;
        signature::compare(&Vec::<i64>::try_from(all)?)
    }

    fn failed(&self, operation: usize, message: String) -> Error {
        Error::Collective {
            operation: OPERATIONS[operation],
            rank: self.rank(),
            size: self.size(),
            timeout: self.timeout(),
            message,
        }
    }
}
