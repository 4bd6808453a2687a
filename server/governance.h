/* SPDX-License-Identifier: Apache-2.0
 * What is voted on, as the process last read it from the chain. */
#ifndef SERVER_GOVERNANCE_H
#define SERVER_GOVERNANCE_H

struct governance;
struct governance *governance_new(void);
void governance_free(struct governance *g);

#endif
