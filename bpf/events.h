/*
 * What is counted, in one form for both backends: a key for each flow and place, and how often and when it was seen.
 * Before it comes what the backend needs for u8 to u64; after it the backend's tables; then events.c.
 */
struct key {
    u64 place;      /* drop: address in the kernel; route: table << 32 | gateway; resent: state of the connection */
    u32 netns;      /* inode of the network namespace; 0: the packet had neither device nor socket */
    u32 ifindex;
    u32 source;
    u32 target;
    u32 detail;     /* drop: reason; refusal and ICMP packet: type << 8 | code; route: error; tunnel: outer UDP port;
                       resent: the service's port; md5: what is wrong */
    u8 point;
    u8 form;
    u8 protocol;
    u8 zero;
};

struct value {
    u64 count;
    u64 first;      /* nanoseconds of the monotonic clock */
    u64 last;
};

struct ip4 {
    u8 version;
    u8 tos;
    u16 length;
    u16 id;
    u16 fragment;
    u8 ttl;
    u8 protocol;
    u16 checksum;
    u32 source;
    u32 target;
};

enum point { SENT = 1, RECEIVED, DROPPED, REFUSED, ROUTED, RESENT, MD5 };
enum form { BARE, VXLAN, GENEVE, IPIP, GRE };
enum role { POD = 1, MACHINE = 2 };
enum fault { REQUIRED = 1, UNEXPECTED, MISMATCH };
