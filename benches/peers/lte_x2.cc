// Handovers of LTE over X2 in ns-3: one UE goes to and fro between two eNBs.
//
// lte_x2 HANDOVERS INTERVAL_MS    prints handovers completed, seconds of wall time, events
// lte_x2 version
//
// ns-3 models the PHY in steps of 1 ms (scheduling, errors, HARQ) and has no security; keyhop has no PHY and all of the security.
// Building the network and attaching the UE are not counted.
#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/lte-module.h>
#include <ns3/mobility-module.h>
#include <ns3/network-module.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace ns3;

namespace {

unsigned completed = 0;
std::chrono::steady_clock::time_point begin;

void Completed(std::string, uint64_t, uint16_t, uint16_t) { ++completed; }

void Begin() { begin = std::chrono::steady_clock::now(); }

}  // namespace

int main(int count, char** words) {
    if (count == 2 && std::strcmp(words[1], "version") == 0) {
        std::puts("ns-3 " NS3_RELEASE);
        return 0;
    }
    const unsigned handovers = count > 1 ? std::strtoul(words[1], nullptr, 10) : 100;
    const unsigned interval = count > 2 ? std::strtoul(words[2], nullptr, 10) : 50;
    // What a run leaves behind in files is not wanted: traces stay off.
    Config::SetDefault("ns3::LteSpectrumPhy::CtrlErrorModelEnabled", BooleanValue(false));
    Config::SetDefault("ns3::LteSpectrumPhy::DataErrorModelEnabled", BooleanValue(false));

    Ptr<LteHelper> lte = CreateObject<LteHelper>();
    Ptr<PointToPointEpcHelper> epc = CreateObject<PointToPointEpcHelper>();
    lte->SetEpcHelper(epc);
    lte->SetHandoverAlgorithmType("ns3::NoOpHandoverAlgorithm");

    NodeContainer ues, enbs;
    ues.Create(1);
    enbs.Create(2);
    Ptr<ListPositionAllocator> places = CreateObject<ListPositionAllocator>();
    places->Add(Vector(0, 0, 0));
    places->Add(Vector(100, 0, 0));
    places->Add(Vector(50, 0, 0));
    MobilityHelper mobility;
    mobility.SetMobilityModel("ns3::ConstantPositionMobilityModel");
    mobility.SetPositionAllocator(places);
    mobility.Install(enbs);
    mobility.Install(ues);

    NetDeviceContainer enb_devices = lte->InstallEnbDevice(enbs);
    NetDeviceContainer ue_devices = lte->InstallUeDevice(ues);
    InternetStackHelper internet;
    internet.Install(ues);
    epc->AssignUeIpv4Address(ue_devices);
    lte->Attach(ue_devices.Get(0), enb_devices.Get(0));
    lte->AddX2Interface(enbs);

    Config::Connect("/NodeList/*/DeviceList/*/LteUeRrc/HandoverEndOk", MakeCallback(&Completed));
    const Time settled = MilliSeconds(300);
    Simulator::Schedule(settled, &Begin);
    for (unsigned number = 0; number < handovers; ++number) {
        lte->HandoverRequest(settled + MilliSeconds(interval) * (number + 1), ue_devices.Get(0),
                             enb_devices.Get(number % 2), enb_devices.Get(1 - number % 2));
    }
    Simulator::Stop(settled + MilliSeconds(interval) * (handovers + 2));
    Simulator::Run();
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    std::printf("%u %.6f %llu\n", completed, wall.count(), static_cast<unsigned long long>(Simulator::GetEventCount()));
    Simulator::Destroy();
    return completed == handovers ? 0 : 1;
}
