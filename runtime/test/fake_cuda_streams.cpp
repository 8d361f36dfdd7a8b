//===- fake_cuda_streams.cpp - streams, graphs and events of libcuda ------===//
//
// Part of the kvc project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work runs when a stream, an event or a graph is waited for, never before.
//
//===----------------------------------------------------------------------===//
#include "fake_cuda_state.h"

using namespace fake_cuda;

#pragma GCC visibility push(default)
extern "C" {

Result cuStreamCreate(Stream *out, unsigned flags) {
  ENTER(cuStreamCreate, std::to_string(flags));
  FakeStream *stream = made(new FakeStream);
  state().streams.insert(stream);
  *out = reinterpret_cast<Stream>(stream);
  return kSuccess;
}
Result cuStreamDestroy_v2(Stream stream) {
  ENTER(cuStreamDestroy_v2);
  FakeStream *s = &streamOf(stream);
  if (!unmade(s))
    return kInvalidValue;
  drain(*s);
  state().streams.erase(s);
  state().destroyed.emplace_back(s);
  return kSuccess;
}
Result cuStreamSynchronize(Stream stream) {
  ENTER(cuStreamSynchronize, nameOf(stream));
  if (streamOf(stream).capture)
    return 900; // not while it is captured
  drain(streamOf(stream));
  return kSuccess;
}
Result cuStreamWaitEvent(Stream stream, Event event, unsigned) {
  ENTER(cuStreamWaitEvent);
  const FakeEvent e = *reinterpret_cast<FakeEvent *>(event);
  return enqueue(stream, [e] {
    if (e.stream)
      drain(*e.stream, e.at);
  });
}
Result cuStreamBeginCapture_v2(Stream stream, int mode) {
  ENTER(cuStreamBeginCapture_v2, std::to_string(mode));
  FakeStream &s = streamOf(stream);
  if (!stream || s.capture)
    return kInvalidValue;
  s.capture = std::make_unique<std::vector<Work>>();
  return kSuccess;
}
Result cuStreamEndCapture(Stream stream, Graph *out) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  FakeStream &s = streamOf(stream);
  // A failing end ends it as well.
  const std::unique_ptr<std::vector<Work>> capture = std::move(s.capture);
  if (Result injected = enter("cuStreamEndCapture"))
    return injected;
  if (!capture)
    return 901;
  *out = reinterpret_cast<Graph>(made(new FakeGraph{std::move(*capture)}));
  return kSuccess;
}
Result cuGraphInstantiateWithFlags(GraphExec *out, Graph graph,
                                   unsigned long long) {
  ENTER(cuGraphInstantiateWithFlags);
  *out = reinterpret_cast<GraphExec>(
      made(new FakeGraph(*reinterpret_cast<FakeGraph *>(graph))));
  return kSuccess;
}
Result cuGraphLaunch(GraphExec exec, Stream stream) {
  ENTER(cuGraphLaunch, nameOf(stream));
  for (const Work &node : reinterpret_cast<FakeGraph *>(exec)->nodes)
    enqueue(stream, node);
  return kSuccess;
}
Result cuGraphExecDestroy(GraphExec exec) {
  ENTER(cuGraphExecDestroy);
  if (!unmade(exec))
    return kInvalidValue;
  delete reinterpret_cast<FakeGraph *>(exec);
  return kSuccess;
}
Result cuGraphDestroy(Graph graph) {
  ENTER(cuGraphDestroy);
  if (!unmade(graph))
    return kInvalidValue;
  delete reinterpret_cast<FakeGraph *>(graph);
  return kSuccess;
}

Result cuEventCreate(Event *out, unsigned) {
  ENTER(cuEventCreate);
  *out = reinterpret_cast<Event>(made(new FakeEvent));
  return kSuccess;
}
Result cuEventDestroy_v2(Event event) {
  ENTER(cuEventDestroy_v2);
  if (!unmade(event))
    return kInvalidValue;
  delete reinterpret_cast<FakeEvent *>(event);
  return kSuccess;
}
Result cuEventRecord(Event event, Stream stream) {
  ENTER(cuEventRecord);
  FakeStream &s = streamOf(stream);
  *reinterpret_cast<FakeEvent *>(event) = {&s, s.queue.size()};
  return kSuccess;
}
Result cuEventQuery(Event event) {
  ENTER(cuEventQuery);
  const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
  return e.stream && e.stream->done < e.at ? kNotReady : kSuccess;
}
Result cuEventSynchronize(Event event) {
  ENTER(cuEventSynchronize);
  const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
  if (e.stream)
    drain(*e.stream, e.at);
  return kSuccess;
}
Result cuEventElapsedTime(float *out, Event begin, Event end) {
  ENTER(cuEventElapsedTime);
  for (Event event : {begin, end}) {
    const FakeEvent &e = *reinterpret_cast<FakeEvent *>(event);
    if (e.stream && e.stream->done < e.at)
      return kNotReady;
  }
  *out = 0.25f;
  return kSuccess;
}

} // extern "C"
#pragma GCC visibility pop
