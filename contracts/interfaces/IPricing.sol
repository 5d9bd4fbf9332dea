// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the next lease of a fleet costs
/// @notice All prices are in settlement-token units per GPU-hour. LeaseBook itself enforces the fleet's floor and the
/// lessee's maximum, so a pricing contract can harm nobody but the fleet whose controller chose it.
interface IPricing {
    /// @notice What a lease would be charged, were it opened now.
    /// @param fleetId The fleet.
    /// @param gpus GPUs asked for.
    /// @param duration Term, in seconds.
    /// @param leasedGpus GPUs of the fleet already leased.
    /// @param capacityGpus GPUs of the fleet.
    /// @return pricePerGpuHour Reverts where there is no price.
    function quote(uint256 fleetId, uint256 gpus, uint256 duration, uint256 leasedGpus, uint256 capacityGpus)
        external
        view
        returns (uint256 pricePerGpuHour);

    /// @notice As `quote`, called by LeaseBook in `open`, so that a pricing contract may learn from what it sold.
    function charge(uint256 fleetId, uint256 gpus, uint256 duration, uint256 leasedGpus, uint256 capacityGpus)
        external
        returns (uint256 pricePerGpuHour);
}
