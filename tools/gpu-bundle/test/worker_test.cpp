//===- worker_test.cpp - a child that dies, hangs and gives up ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Mirror.h"
#include "Worker.h"

#include <csignal>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace kvc::bundle;

namespace {
/// Answers with its process and how many lines it has had.
Worker::Serve start() {
  auto count = std::make_shared<int>(0);
  return [count](const std::string &line) -> Worker::Answer {
    ++*count;
    if (line == "fault") {
      signal(SIGSEGV, SIG_DFL); // a sanitizer's handler would exit instead
      raise(SIGSEGV);
    }
    if (line == "leave")
      _exit(7);
    while (line == "hang")
      pause();
    return {line + " " + std::to_string(*count), line == "lost"};
  };
}

std::string problemOf(Worker &worker, const std::string &line,
                      double seconds = 30) {
  try {
    return "answered " + worker.ask(line, seconds);
  } catch (const Failure &failure) {
    return failure.what();
  }
}

TEST(Worker, KeepsOneChild) {
  Worker worker(&start);
  EXPECT_EQ(worker.ask("a", 30), "a 1");
  EXPECT_EQ(worker.ask("b", 30), "b 2");
}

TEST(Worker, GoesOnAfterADeath) {
  Worker worker(&start);
  EXPECT_EQ(worker.ask("a", 30), "a 1");
  EXPECT_EQ(problemOf(worker, "fault"),
            std::string("the process died: ") + strsignal(SIGSEGV));
  EXPECT_EQ(worker.ask("b", 30), "b 1");
  EXPECT_EQ(problemOf(worker, "leave"), "the process ended with 7");
  EXPECT_EQ(worker.ask("c", 30), "c 1");
}

TEST(Worker, EndsOneThatHangs) {
  Worker worker(&start);
  EXPECT_EQ(problemOf(worker, "hang", 0.2),
            "no answer within 0 s: a kernel hangs");
  EXPECT_EQ(worker.ask("a", 30), "a 1");
}

TEST(Worker, StartsAnewAfterALastAnswer) {
  Worker worker(&start);
  EXPECT_EQ(worker.ask("lost", 30), "lost 1");
  EXPECT_EQ(worker.ask("a", 30), "a 1");
}

TEST(Worker, SaysWhyItCannotStart) {
  Worker worker([]() -> Worker::Serve { throw Failure("no device"); });
  EXPECT_EQ(problemOf(worker, "a"), "no device");
  EXPECT_EQ(problemOf(worker, "b"), "no device");
}

TEST(Worker, IsThisProcessWhereItIsAsked) {
  pid_t process = 0;
  Worker worker(
      [&] {
        return [&](const std::string &) -> Worker::Answer {
          process = getpid();
          return {"done"};
        };
      },
      /*apart=*/false);
  EXPECT_EQ(worker.ask("a", 30), "done");
  EXPECT_EQ(process, getpid());
}

TEST(Worker, AnswersLongLines) {
  Worker worker([] {
    return [](const std::string &line) -> Worker::Answer {
      return {std::string(300000, 'x') + line};
    };
  });
  EXPECT_EQ(worker.ask("a", 30).size(), 300001u);
}
} // namespace
