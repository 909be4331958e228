#include "pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace pyconvnet {
namespace {

std::atomic<int> wanted{1};   // threads, the caller included

inline void relax() {   // a word to the processor: this is a loop that waits
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// The tasks [next, end) of a thread, on a cache line of their own.
struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
};

struct Job {
    void (*run)(void*, Index);
    void* context;
    std::vector<Share>& shares;
    std::atomic<bool> failed{false};
    std::exception_ptr failure;

    // The thread's own share, then what is left of the others'.
    void work(std::size_t mine) {
        for (std::size_t i = 0; i < shares.size(); i++) {
            Share& share = shares[(mine + i) % shares.size()];
            for (Index task; !failed && (task = share.next.fetch_add(1)) < share.end;) {
                try {
                    run(context, task);
                } catch (...) {   // the others stop at their next task
                    if (!failed.exchange(true)) failure = std::current_exception();
                }
            }
        }
    }
};

// The core that runs this thread; -1 where nobody says.
inline int core() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

// Watches for a moment before it sleeps: the next loop of a training step comes sooner than a sleeper wakes. It does
// not yield: two threads that yield to each other may share a core for ever, while the other core is idle.
template <class Ready>
void spin(const Ready& ready) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    while (!ready() && std::chrono::steady_clock::now() < until)
        for (int i = 0; i < 20; i++) relax();
}

class Pool {
  public:
    std::mutex busy;   // held for the length of a job

    // Under `busy`: no job is open, and workers that sleep or watch look at leave_.
    void resize(int workers) {
        if (workers == asked_) return;
        asked_ = workers;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            leave_ = true;
            wake_.notify_all();
        }
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
        leave_ = false;
        cores_enough_ = workers < static_cast<int>(std::thread::hardware_concurrency());
        try {
            for (int i = 1; i <= workers; i++)
                threads_.emplace_back([this, i, seen = round_.load()] { serve(i, seen); });
        } catch (const std::exception&) {   // no more threads, or no memory, to be had: go on with fewer
        }
    }

    // Neighbouring tasks go to the same thread, and the same tasks of the next loop, too: what one loop wrote, the
    // next one finds in its own cache. Another core's cache answers as slowly as memory.
    void run(Index tasks, void (*run)(void*, Index), void* context) {
        const Index threads = static_cast<Index>(threads_.size()) + 1;
        std::vector<Share> shares(threads);
        for (Index i = 0; i < threads; i++) {
            shares[i].next = tasks * i / threads;
            shares[i].end = tasks * (i + 1) / threads;
        }
        Job job{run, context, shares};
        {
            std::lock_guard<std::mutex> lock(mutex_);
            job_ = &job;
            caller_ = core();
            round_++;
            wake_.notify_all();
        }
        job.work(0);
        {
            std::unique_lock<std::mutex> lock(mutex_);
            job_ = nullptr;   // who has not come yet is too late: nobody waits for a thread that has no core
        }
        if (cores_enough_) spin([this] { return working_ == 0; });
        {
            std::unique_lock<std::mutex> lock(mutex_);
            done_.wait(lock, [this] { return working_ == 0; });   // `job` lives on the caller's stack
        }
        if (job.failure) std::rethrow_exception(job.failure);
    }

  private:
    void serve(std::size_t mine, unsigned long seen) {
        for (;;) {
            if (cores_enough_ && (caller_ < 0 || core() != caller_)) spin([&] { return leave_ || round_ != seen; });
            std::unique_lock<std::mutex> lock(mutex_);
            wake_.wait(lock, [&] { return leave_ || (job_ && round_ != seen); });
            if (leave_) return;
            seen = round_;
            working_++;
            Job* job = job_;
            lock.unlock();
            job->work(mine);
            lock.lock();
            if (--working_ == 0 && !job_) done_.notify_one();
        }
    }

    std::vector<std::thread> threads_;
    int asked_ = 0;   // there may be fewer
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    // Changed under the mutex, watched without it.
    std::atomic<int> working_{0};   // workers that have come
    std::atomic<unsigned long> round_{0};
    std::atomic<bool> leave_{false};
    std::atomic<int> caller_{-1};               // the core of the caller of the last job
    std::atomic<bool> cores_enough_{false};     // one for each thread
};

// Never destroyed: its threads sleep until the process ends, and in a forked child they do not exist.
std::atomic<Pool*> current{nullptr};
thread_local bool inside = false;   // this thread holds `busy`, which its owner must not try to lock again

Pool& pool() {
    static const int registered = pthread_atfork(nullptr, nullptr, [] {
        current = nullptr;
        inside = false;
    });
    (void)registered;
    Pool* have = current;
    if (!have) {
        Pool* fresh = new Pool;
        if (current.compare_exchange_strong(have, fresh)) return *fresh;
        delete fresh;
    }
    return *have;
}

// The longest loop since tasks_of_longest was last asked.
std::atomic<std::chrono::steady_clock::rep> longest{0};
std::atomic<Index> tasks_of{0};

struct Stopwatch {
    Index tasks;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Stopwatch() {
        const auto took = (std::chrono::steady_clock::now() - start).count();
        if (took > longest) longest = took, tasks_of = tasks;
    }
};

}  // namespace

void parallel_for(Index tasks, void (*run)(void*, Index), void* context) {
    const Stopwatch stopwatch{tasks};
    const int threads = wanted;
    if (threads > 1 && tasks > 1 && !inside) {
        Pool& mine = pool();
        std::unique_lock<std::mutex> lock(mine.busy, std::try_to_lock);
        if (lock) {
            mine.resize(threads - 1);
            inside = true;
            try {
                mine.run(tasks, run, context);
            } catch (...) {
                inside = false;
                throw;
            }
            inside = false;
            return;
        }
    }
    for (Index task = 0; task < tasks; task++) run(context, task);
}

void set_num_threads(int n) { wanted = n; }
int get_num_threads() { return wanted; }

Index tasks_of_longest() {
    longest = 0;
    return tasks_of.exchange(0);
}

}  // namespace pyconvnet
