/* SPDX-License-Identifier: Apache-2.0
 * Updates that were trained elsewhere: raw float32 or NumPy's .npy (format 1.0 to 3.0).
 */
#ifndef CLIENTS_NPY_H
#define CLIENTS_NPY_H

#include "util/buf.h"

/* Reads d finite numbers. A text that begins with NumPy's magic is .npy: '<f4' or '<f8',
 * C order, one dimension; anything else is d float32, little-endian.
 *
 * out  room for d floats; written only on success
 *
 * Errors, with the particulars: E_FIELD_VALUE for a header that is not that, E_LENGTH for
 * another number of entries, E_NUMBER for one that is not finite. */
enum err npy_read(float *out, size_t d, struct bytes file, struct why *why) MUST_USE;

/* The header of a .npy file (1.0) of d float32. Appends to out. */
enum err npy_header(struct buf *out, size_t d) MUST_USE;

#endif
