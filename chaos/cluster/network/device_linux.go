package network

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// device is the name that each host's device has.
const device = "eth0"

// addressOf and hardwareOf are the addresses of host i.
func addressOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)}) }

func hardwareOf(i int) [6]byte { return [6]byte{2, 0, 0, 0, 0, byte(i + 1)} }

// hostOf says to which host an Ethernet frame goes.
func hostOf(data []byte, hosts int) (int, bool) {
	if len(data) < 14 {
		return 0, false
	}
	to := int(data[5]) - 1
	return to, to >= 0 && to < hosts && hardwareOf(to) == [6]byte(data[:6])
}

// openTap makes a TAP device in the namespace of this thread.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make a TAP device: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// configure gives the devices of this thread's namespace their addresses, and tells them those of
// all others, so that a link that is cut is silent and not "no route".
func configure(self, hosts int) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket to configure devices: %w", err)
	}
	defer unix.Close(s)
	set := func(name string, request uint, fill func(*unix.Ifreq) error) {
		if err != nil {
			return
		}
		var req *unix.Ifreq
		if req, err = unix.NewIfreq(name); err == nil {
			err = fill(req)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, request, req)
		}
		if err != nil {
			err = fmt.Errorf("configure %s (request %#x): %w", name, request, err)
		}
	}
	up := func(req *unix.Ifreq) error {
		req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	}
	set("lo", unix.SIOCSIFFLAGS, up)
	if err == nil {
		err = setHardware(s, hardwareOf(self))
	}
	set(device, unix.SIOCSIFMTU, func(req *unix.Ifreq) error { req.SetUint32(mtu); return nil })
	set(device, unix.SIOCSIFFLAGS, up)
	own := addressOf(self).As4()
	set(device, unix.SIOCSIFADDR, func(req *unix.Ifreq) error { return req.SetInet4Addr(own[:]) })
	set(device, unix.SIOCSIFNETMASK, func(req *unix.Ifreq) error {
		return req.SetInet4Addr([]byte{255, 255, 255, 0})
	})
	for i := range hosts {
		if i != self && err == nil {
			err = setNeighbour(s, addressOf(i).As4(), hardwareOf(i))
		}
	}
	return err
}

// hardwareRequest is struct ifreq with a hardware address.
type hardwareRequest struct {
	name   [unix.IFNAMSIZ]byte
	family uint16
	addr   [14]byte
	_      [8]byte
}

func setHardware(s int, addr [6]byte) error {
	req := hardwareRequest{family: unix.ARPHRD_ETHER}
	copy(req.name[:], device)
	copy(req.addr[:], addr[:])
	if err := ioctl(s, unix.SIOCSIFHWADDR, unsafe.Pointer(&req)); err != nil {
		return fmt.Errorf("set the hardware address: %w", err)
	}
	return nil
}

// neighbourRequest is struct arpreq.
type neighbourRequest struct {
	protocol unix.RawSockaddrInet4
	family   uint16
	hardware [14]byte
	flags    int32
	netmask  [16]byte
	device   [unix.IFNAMSIZ]byte
}

const (
	neighbourComplete  = 2 // ATF_COM
	neighbourPermanent = 4 // ATF_PERM
)

func setNeighbour(s int, addr [4]byte, hardware [6]byte) error {
	req := neighbourRequest{
		protocol: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr},
		family:   unix.ARPHRD_ETHER, flags: neighbourComplete | neighbourPermanent,
	}
	copy(req.hardware[:], hardware[:])
	copy(req.device[:], device)
	if err := ioctl(s, unix.SIOCSARP, unsafe.Pointer(&req)); err != nil {
		return fmt.Errorf("tell the address of a neighbour: %w", err)
	}
	return nil
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg))
	if errno != 0 {
		return errno
	}
	return nil
}
