/* A C program over the installed runtime: it finds an illegal policy. */
#include <kvcrt/abi.h>
#include <kvcrt/runtime.h>
#include <stdio.h>

int main(void) {
  kvcrt_policy policy = {0};
  char message[256] = "";
  kvcrt_status status = kvcrt_legality_check(&policy, message, sizeof(message));
  printf("%s: %s\n", kvcrt_status_string(status), message);
  return status == KVCRT_ILLEGAL_POLICY ? 0 : 1;
}
