/* named listens on addresses that an interface lists. All of 127.0.0.0/8 reaches the loopback interface, which lists 127.0.0.1 alone:
   with this library loaded it lists LOOPBACK_ADDRESS in its place. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <ifaddrs.h>
#include <stdlib.h>

int getifaddrs(struct ifaddrs **list) {
  int (*real)(struct ifaddrs **) = (int (*)(struct ifaddrs **))dlsym(RTLD_NEXT, "getifaddrs");
  const char *wanted = getenv("LOOPBACK_ADDRESS");
  int outcome = real(list);
  if (outcome != 0 || wanted == NULL) return outcome;
  for (struct ifaddrs *one = *list; one != NULL; one = one->ifa_next) {
    if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET) continue;
    struct in_addr *address = &((struct sockaddr_in *)one->ifa_addr)->sin_addr;
    if (address->s_addr == htonl(INADDR_LOOPBACK)) inet_pton(AF_INET, wanted, address);
  }
  return outcome;
}
