#include "pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace pyconvnet {
namespace {

std::atomic<int> wanted{1};   // threads, the caller included

struct Job {
    void (*run)(void*, Index);
    void* context;
    Index tasks;
    std::atomic<Index> next{0};
    std::mutex failing;
    std::exception_ptr failure;

    void work() {
        for (Index task; (task = next.fetch_add(1)) < tasks;) {
            try {
                run(context, task);
            } catch (...) {
                next = tasks;   // the others stop at their next task
                std::lock_guard<std::mutex> lock(failing);
                if (!failure) failure = std::current_exception();
            }
        }
    }
};

class Pool {
  public:
    std::mutex busy;   // held for the length of a job

    // Under `busy`. Workers of the previous job are asleep, so they may be told to leave.
    void resize(int workers) {
        if (workers == static_cast<int>(threads_.size())) return;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            leave_ = true;
            wake_.notify_all();
        }
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
        leave_ = false;
        try {
            for (int i = 0; i < workers; i++) threads_.emplace_back([this, seen = round_] { serve(seen); });
        } catch (const std::system_error&) {   // no more threads to be had: go on with fewer
        }
    }

    void run(Job& job) {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            job_ = &job;
            running_ = static_cast<int>(threads_.size());
            round_++;
            wake_.notify_all();
        }
        job.work();
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return running_ == 0; });   // `job` lives on the caller's stack
    }

  private:
    void serve(unsigned long seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return leave_ || round_ != seen; });
            if (leave_) return;
            seen = round_;
            Job* job = job_;
            lock.unlock();
            job->work();
            lock.lock();
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    int running_ = 0;
    unsigned long round_ = 0;
    bool leave_ = false;
};

// Never destroyed: its threads sleep until the process ends, and in a forked child they do not exist.
std::atomic<Pool*> current{nullptr};
thread_local bool inside = false;   // this thread is running a job

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

struct Watch {
    Index tasks;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Watch() {
        const auto took = (std::chrono::steady_clock::now() - start).count();
        if (took > longest) longest = took, tasks_of = tasks;
    }
};

}  // namespace

void parallel_for(Index tasks, void (*run)(void*, Index), void* context) {
    const Watch watch{tasks};
    const int threads = wanted;
    if (threads > 1 && tasks > 1 && !inside) {
        Pool& mine = pool();
        std::unique_lock<std::mutex> lock(mine.busy, std::try_to_lock);
        if (lock) {
            Job job;
            job.run = run;
            job.context = context;
            job.tasks = tasks;
            mine.resize(threads - 1);
            inside = true;
            mine.run(job);
            inside = false;
            if (job.failure) std::rethrow_exception(job.failure);
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
