/* SPDX-License-Identifier: Apache-2.0
 * Payments, votes and claims: the leaves of their trees, and the calls that show them. */
#include "chain/abi.h"
#include "chain/contracts.h"
#include "chain/tree.h"

/* What pay and voice leaves hold, and their calls: two arrays of the same length. */
struct batch {
  struct word *left, *right;
  unsigned n;
};

static void batch_done(struct batch *b)
{
  free(b->left);
  free(b->right);
}

static struct batch batch_new(unsigned n)
{
  return (struct batch){must_calloc(n, sizeof(struct word)),
                        must_calloc(n, sizeof(struct word)), n};
}

static struct batch batch_of_payees(const struct payee *payees, unsigned n)
{
  struct batch b = batch_new(n);
  for (unsigned i = 0; i < n; i++) {
    b.left[i] = word_of_address(&payees[i].account);
    b.right[i] = payees[i].amount;
  }
  return b;
}

static struct batch batch_of_voters(const struct voter *voters, unsigned n)
{
  struct batch b = batch_new(n);
  for (unsigned i = 0; i < n; i++) {
    b.left[i] = word_of_bytes(voters[i].organisation.b, sizeof voters[i].organisation.b);
    b.right[i] = word_of_address(&voters[i].account);
  }
  return b;
}

static void batch_leaf(struct word *out, const char *kind, const char *model,
                       uint64_t round, uint64_t index, const struct batch *b)
{
  AUTO(buf_done) struct buf encoded = {0};
  struct word label, id;
  keccak256_text(&label, kind);
  chain_model(&id, model);
  if (abi_encode(&encoded,
                 ABI_ARGS(ABI_WORD(label), ABI_WORD(id), ABI_UINT(round), ABI_UINT(index),
                          ABI_WORDS(b->left, b->n), ABI_WORDS(b->right, b->n))) != OK)
    abort(); /* a batch is far below the limit of a buffer */
  tree_leaf(out, buf_bytes(&encoded));
}

void pay_leaf(struct word *out, const char *model, uint64_t round, uint64_t index,
              const struct payee *payees, unsigned n)
{
  AUTO(batch_done) struct batch b = batch_of_payees(payees, n);
  batch_leaf(out, "chorus/v1/pay", model, round, index, &b);
}

void voice_leaf(struct word *out, const char *model, uint64_t round, uint64_t index,
                const struct voter *voters, unsigned n)
{
  AUTO(batch_done) struct batch b = batch_of_voters(voters, n);
  batch_leaf(out, "chorus/v1/voice", model, round, index, &b);
}

void claim_leaf(struct word *out, const struct address *account,
                const struct word *cumulative)
{
  const struct word encoded[] = {word_of_address(account), *cumulative};
  tree_leaf(out, BYTES_OF(encoded));
}

static enum err batch_call(struct buf *out, const char *signature, const char *model,
                           uint64_t round, uint64_t index, const struct batch *b,
                           const struct word *proof, unsigned proof_len)
{
  struct word id;
  chain_model(&id, model);
  return abi_call(out, signature,
                  ABI_ARGS(ABI_WORD(id), ABI_UINT(round), ABI_UINT(index),
                           ABI_WORDS(b->left, b->n), ABI_WORDS(b->right, b->n),
                           ABI_WORDS(proof, proof_len)));
}

enum err pay_call(struct buf *out, const char *model, uint64_t round, uint64_t index,
                  const struct payee *payees, unsigned n, const struct word *proof,
                  unsigned proof_len)
{
  AUTO(batch_done) struct batch b = batch_of_payees(payees, n);
  return batch_call(out, "payBatch(bytes32,uint64,uint64,address[],uint256[],bytes32[])",
                    model, round, index, &b, proof, proof_len);
}

enum err voice_call(struct buf *out, const char *model, uint64_t round, uint64_t index,
                    const struct voter *voters, unsigned n, const struct word *proof,
                    unsigned proof_len)
{
  AUTO(batch_done) struct batch b = batch_of_voters(voters, n);
  return batch_call(out, "mint(bytes32,uint64,uint64,bytes16[],address[],bytes32[])",
                    model, round, index, &b, proof, proof_len);
}

enum err claim_call(struct buf *out, const char *model, uint64_t round,
                    const struct address *account, const struct word *cumulative,
                    const struct word *proof, unsigned proof_len)
{
  struct word id;
  chain_model(&id, model);
  return abi_call(out, "claim(bytes32,uint64,address,uint256,bytes32[])",
                  ABI_ARGS(ABI_WORD(id), ABI_UINT(round), ABI_ADDRESS(account),
                           ABI_WORD(*cumulative), ABI_WORDS(proof, proof_len)));
}
