// A small pool of waiting threads: run(context, task) for every task in [0, tasks), in no particular order.
// The caller works too. A call that finds the pool busy (another Python thread, or a task of its own) runs
// alone. After fork the child starts with an empty pool. The first exception of a task is thrown again in the
// caller.
#pragma once
#include "shapes.hpp"

namespace pyconvnet {

void parallel_for(Index tasks, void (*run)(void* context, Index task), void* context);
void set_num_threads(int n);
int get_num_threads();
Index tasks_of_longest();   // of the loop that took longest since last asked: are there enough for many cores?

}  // namespace pyconvnet
