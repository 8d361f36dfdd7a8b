//===- Worker.cpp - a process that may die of what it is asked ------------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An answer is a line whose first letter says what it is: '+' an answer, '-'
// the last one, '!' why the child could not start.
//
//===----------------------------------------------------------------------===//
#include "Worker.h"

#include "Mirror.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvc::bundle {

static bool writeAll(int file, const std::string &text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t some = write(file, text.data() + at, text.size() - at);
    if (some < 0 && errno == EINTR)
      continue;
    if (some <= 0)
      return false;
    at += size_t(some);
  }
  return true;
}

/// The child's life: a line in, a line out.
static void serve(const std::function<Worker::Serve()> &start, int in,
                  int out) {
  FILE *lines = fdopen(in, "r");
  Worker::Serve answer;
  std::string problem;
  try {
    answer = start();
  } catch (const Failure &failure) {
    problem = failure.what();
  }
  char *line = nullptr;
  size_t room = 0;
  for (ssize_t size; (size = getline(&line, &room, lines)) > 0;) {
    std::string text = "!" + problem;
    bool last = true;
    if (problem.empty()) {
      const Worker::Answer given = answer(std::string(line, size_t(size - 1)));
      last = given.last;
      text = (last ? "-" : "+") + given.text;
    }
    if (!writeAll(out, text + "\n") || last)
      break;
  }
  // A device that is lost may never come back from being closed.
  fflush(nullptr);
  _exit(0);
}

void Worker::launch() {
  int down[2], up[2];
  if (pipe(down) || pipe(up))
    throw Failure(std::string("cannot make a pipe: ") + strerror(errno));
  fflush(nullptr); // what is not yet written is not the child's to write
  signal(SIGPIPE, SIG_IGN);
  child = fork();
  if (child < 0) {
    child = 0;
    throw Failure(std::string("cannot start a process: ") + strerror(errno));
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // it does not outlive its parent
    close(down[1]);
    close(up[0]);
    serve(start, down[0], up[1]);
  }
  close(down[0]);
  close(up[1]);
  to = down[1];
  from = up[0];
}

void Worker::stop() {
  if (!child)
    return;
  close(to);
  close(from);
  // A process inside a driver's call ends when the driver lets it.
  kill(child, SIGKILL);
  for (int i = 0; i < 100 && waitpid(child, nullptr, WNOHANG) == 0; ++i)
    usleep(20000);
  child = 0;
}

/// Empty when the child is dead or silent.
std::string Worker::readLine(double seconds) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::string line;
  while (line.empty() || line.back() != '\n') {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd one = {from, POLLIN, 0};
    const int ready = poll(&one, 1, int(std::max<int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready == 0)
      throw Failure("no answer within " + std::to_string(int(seconds)) +
                    " s: a kernel hangs");
    char text[65536];
    const ssize_t size = ready < 0 ? -1 : read(from, text, sizeof(text));
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return "";
    line.append(text, size_t(size));
  }
  line.pop_back();
  return line;
}

std::string Worker::ask(const std::string &line, double seconds) {
  if (!apart) {
    if (!here)
      here = start();
    return here(line).text;
  }
  if (!child)
    launch();
  std::string answer;
  try {
    writeAll(to, line + "\n"); // a dead child shows when it is read
    answer = readLine(seconds);
  } catch (const Failure &) {
    stop();
    throw;
  }
  if (answer.empty()) {
    int status = 0;
    waitpid(child, &status, 0);
    close(to);
    close(from);
    child = 0;
    throw Failure(
        WIFSIGNALED(status)
            ? std::string("the process died: ") + strsignal(WTERMSIG(status))
            : "the process ended with " + std::to_string(WEXITSTATUS(status)));
  }
  const char kind = answer[0];
  if (kind != '+')
    stop();
  if (kind == '!')
    throw Failure(answer.substr(1));
  return answer.substr(1);
}

} // namespace kvc::bundle
