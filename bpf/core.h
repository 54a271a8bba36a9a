/*
 * The tables and programs as one object for every kernel with BTF: libbpf puts the running kernel's offsets in when it
 * loads the object, and refuses it where a field is gone. The structures name only what is read, in no true order.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct key;
struct value;
struct bpf_raw_tracepoint_args { u64 args[0]; };

#define SECTION(name) __attribute__((section(name), used))
#define inline inline __attribute__((always_inline))
#define PROGRAM(tracepoint, name) SECTION("raw_tp/" #tracepoint) int name(struct bpf_raw_tracepoint_args *ctx)
#define TABLE(kind, name, from, to, entries) \
    struct { int (*type)[kind]; from *key; to *value; int (*max_entries)[entries]; } name SECTION(".maps")

char terms[] SECTION("license") = "GPL";

/* Numbers of the kernel's table kinds and helpers: part of its interface, and so the same everywhere. */
enum { HASH = 1, ARRAY = 2, NO_EXIST = 1 };
static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
static long (*bpf_map_update_elem)(void *, const void *, const void *, u64) = (void *)2;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_probe_read_kernel)(void *, u32, const void *) = (void *)113;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_ntohs(number) __builtin_bswap16(number)
#else
#define bpf_ntohs(number) (number)
#endif
#define bpf_htons bpf_ntohs

/* by_core.py sets the numbers of entries that the site needs. */
TABLE(HASH, counts, struct key, struct value, 1);
TABLE(HASH, watched, u32, u8, 1);
TABLE(HASH, spaces, u32, u8, 1);
TABLE(ARRAY, missed, u32, u64, 1);

static inline u8 *role_at(u32 *address) { return bpf_map_lookup_elem(&watched, address); }
static inline u8 *space_at(u32 *inode) { return bpf_map_lookup_elem(&spaces, inode); }
static inline struct value *counter_at(struct key *key) { return bpf_map_lookup_elem(&counts, key); }
static inline void add_counter(struct key *key, struct value *fresh)
{
    bpf_map_update_elem(&counts, key, fresh, NO_EXIST);
}
static inline u64 *missed_at(int *number) { return bpf_map_lookup_elem(&missed, number); }

#define FROM_BTF __attribute__((preserve_access_index))
typedef struct { struct net *net; } possible_net_t;
struct ns_common { u32 inum; } FROM_BTF;
struct net { struct ns_common ns; } FROM_BTF;
struct net_device { int ifindex; possible_net_t nd_net; } FROM_BTF;
struct sock_common {
    u32 skc_daddr;
    u32 skc_rcv_saddr;
    u16 skc_dport;
    u16 skc_num;
    u8 skc_state;
    possible_net_t skc_net;
} FROM_BTF;
struct sock { struct sock_common __sk_common; } FROM_BTF;
struct sk_buff {
    struct net_device *dev;
    struct sock *sk;
    u8 *head;
    u8 *data;
    u16 network_header;
    u16 protocol;
} FROM_BTF;
struct flowi_common { u8 flowic_proto; } FROM_BTF;
struct flowi4 { struct flowi_common __fl_common; u32 saddr; u32 daddr; } FROM_BTF;
struct fib_nh_common {
    struct net_device *nhc_dev;
    u8 nhc_gw_family;
    union { u32 ipv4; } nhc_gw;
} FROM_BTF;

/* The offset of a field in the running kernel: libbpf replaces the number when it loads the object. */
#define OFFSET(kind, path) __builtin_preserve_field_info(((struct kind *)0)->path, 0)
#define SKB_DEV OFFSET(sk_buff, dev)
#define SKB_SK OFFSET(sk_buff, sk)
#define SKB_HEAD OFFSET(sk_buff, head)
#define SKB_DATA OFFSET(sk_buff, data)
#define SKB_NETWORK OFFSET(sk_buff, network_header)
#define SKB_PROTOCOL OFFSET(sk_buff, protocol)
#define DEV_IFINDEX OFFSET(net_device, ifindex)
#define DEV_NET OFFSET(net_device, nd_net)
#define SK_NET OFFSET(sock, __sk_common.skc_net)
#define SK_SOURCE OFFSET(sock, __sk_common.skc_rcv_saddr)
#define SK_TARGET OFFSET(sock, __sk_common.skc_daddr)
#define SK_PORT OFFSET(sock, __sk_common.skc_num)
#define SK_FAR_PORT OFFSET(sock, __sk_common.skc_dport)
#define SK_STATE OFFSET(sock, __sk_common.skc_state)
#define NET_INODE OFFSET(net, ns.inum)
#define FLOW_SOURCE OFFSET(flowi4, saddr)
#define FLOW_TARGET OFFSET(flowi4, daddr)
#define FLOW_PROTOCOL OFFSET(flowi4, __fl_common.flowic_proto)
#define HOP_DEV OFFSET(fib_nh_common, nhc_dev)
#define HOP_FAMILY OFFSET(fib_nh_common, nhc_gw_family)
#define HOP_GATEWAY OFFSET(fib_nh_common, nhc_gw)

/* Every program; by_core.py loads those that fit the running kernel. */
#define HAVE_SENT
#define HAVE_RECEIVED
#define HAVE_DROPPED
#define HAVE_DROPPED_NAMELESS
#define HAVE_REFUSED
#define HAVE_ROUTED
#define HAVE_RESENT
#define HAVE_MD5_REQUIRED
#define HAVE_MD5_UNEXPECTED
#define HAVE_MD5_MISMATCH
