// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICustodian} from "./ICustodian.sol";

/// @title FleetCustody: who holds what a loan is secured by?
/// @notice Holds titles, shares and liquid collateral of open loans, and of lots that the vault took. FleetCredit alone
/// moves them, and keeps how much each loan pledged. It names who controls a fleet: the borrower until a sale, or a steward of the
/// lenders during a breach. What only an owner may do, the controller does with the risk role's consent to exactly that act.
///
/// A title comes and goes by plain transfer: nobody's hooks are called, and nothing here can refuse one that is sent without a
/// loan. Such a title has no controller and secures nothing; the risk role gives it back, as nobody could otherwise. Shares and
/// coins that are sent here without a loan are a gift to nobody and stay.
/// @dev Gated shares must have been created with this contract as their custodian. What a gate or a coin refuses to a receiver, it
/// refuses to that receiver alone. What shares and title earned before they came stays with whom they came from; what they
/// earned here and was not collected before they went would be the fleet's next loan's, so FleetCredit collects before it
/// releases. One fleet secures at most one loan at a time. No guard against reentry: FleetCredit, which alone moves anything, has one.
interface IFleetCustody is ICustodian {
    event Take(
        uint256 indexed loanId,
        uint256 indexed fleetId,
        address indexed from,
        uint256 shares,
        address collateral,
        uint256 amount
    );
    event ReleaseCollateral(uint256 indexed loanId, address indexed token, address indexed to, uint256 amount);
    event ReleaseShares(uint256 indexed loanId, uint256 indexed fleetId, address indexed to, uint256 shares);
    event ReleaseLot(uint256 indexed loanId, uint256 indexed fleetId, address indexed to, uint256 shares);
    event NameController(uint256 indexed fleetId, address indexed controller);
    event Consent(uint256 indexed fleetId, bytes32 indexed act);
    event ReturnTitle(uint256 indexed fleetId, address indexed to);
    event CollectRevenue(uint256 indexed fleetId, uint256 amount);

    error NotCredit(address caller);
    error NotController(uint256 fleetId, address caller);
    /// @notice The loan has not this title here.
    error NotHere(uint256 fleetId);
    /// @notice The title secures a loan.
    error Pledged(uint256 fleetId, uint256 loanId);
    error NoConsent(bytes32 act);
    error TransferFellShort(IERC20 token, uint256 expected, uint256 received);
    error InvalidReceiver(address to);

    /* ---- for FleetCredit alone ---- */

    /// @notice Takes title, shares and collateral from `from`, which approved this contract for each, and names it controller.
    function take(uint256 loanId, uint256 fleetId, address from, uint256 shares, IERC20 collateral, uint256 amount)
        external;

    /// @notice Takes more collateral for a loan; `fleetId` is zero once its lot went.
    function takeCollateral(uint256 loanId, uint256 fleetId, address from, IERC20 collateral, uint256 amount) external;

    /// @notice Takes more of the fleet's shares for a loan.
    function takeShares(uint256 loanId, uint256 fleetId, address from, uint256 shares) external;

    /// @notice Sends collateral of a loan away.
    function releaseCollateral(uint256 loanId, IERC20 collateral, address to, uint256 amount) external;

    /// @notice Sends some of a loan's pledged shares away.
    function releaseShares(uint256 loanId, uint256 fleetId, address to, uint256 shares) external;

    /// @notice Sends title and the pledged shares away, what is left of the collateral stays. The receiver's hooks are not called.
    function releaseLot(uint256 loanId, uint256 fleetId, address to, uint256 shares) external;

    /// @notice Brings what pledged and bound shares earned to FleetCredit. Nothing to bring is no error.
    /// @return amount Settlement-token units that arrived there.
    function collectRevenue(uint256 loanId, uint256 fleetId) external returns (uint256 amount);

    /// @notice Names who controls the fleet. Consents that were not used end.
    function nameController(uint256 fleetId, address controller) external;

    /* ---- what only an owner may do ---- */

    /// @notice The risk role consents to one act of the fleet's present controller, once: `act` is `actHash` of its call data.
    /// It ends when somebody else is named, or the loan ends.
    function consent(uint256 fleetId, bytes32 act) external;

    /// @notice Shrinks the fleet. For its controller, with consent.
    function shrink(uint256 fleetId, uint32 capacity, bytes32 gpuRoot) external;

    /// @notice Replaces boards. For the fleet's controller, with consent.
    function setGpuRoot(uint256 fleetId, bytes32 gpuRoot) external;

    /// @notice Ends the fleet; its hardware's proceeds go to shareholders by `RevenueRouter.distribute`. For its controller, with consent.
    function windDown(uint256 fleetId) external;

    /* ---- for a title that came without a loan ---- */

    /// @notice Sends it to `to`. Restricted to the risk role, which must find out whose it is.
    function returnTitle(uint256 fleetId, address to) external;

    /* ---- reads ---- */

    /// @notice Hash to consent to: of the custody's address and the act's call data, selector included.
    function actHash(bytes calldata callData) external view returns (bytes32);
    /// @notice The loan that the fleet's title secures; zero for none.
    function loanOf(uint256 fleetId) external view returns (uint256);
    /// @notice Collateral held for all loans; a donation changes nothing. A fleet's shares are held for one loan.
    function held(IERC20 token) external view returns (uint256);
}
